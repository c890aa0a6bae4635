"""Conversion (conversão do lead): who serves an OPV in sales and in pre-sales, who shares it, who asks for it."""
