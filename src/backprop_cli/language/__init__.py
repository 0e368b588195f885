"""Language: text to postfix code, inputs and values."""
