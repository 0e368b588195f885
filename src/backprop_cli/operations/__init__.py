"""Operations: one table, and the number systems that its rows are evaluated in."""
