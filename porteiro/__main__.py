"""`python -m porteiro`."""

from porteiro.cli import main

main()
