"""The built site of docs/: what a reader's browser would meet, read without one."""
