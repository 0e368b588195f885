"""Values and gradients that are certain: as fractions, or to as many digits as are asked for."""
