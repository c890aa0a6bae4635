"""What `porteiro source new` writes; the texts are the files beside this one."""
