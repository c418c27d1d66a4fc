"""What stands on the table, and which of it a phrase means."""
