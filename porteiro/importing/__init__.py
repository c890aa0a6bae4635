"""`porteiro import`: files of leads (CSV, TSV, Excel), shown first, then through the same pipeline as any other."""
