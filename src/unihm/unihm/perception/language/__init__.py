"""What a sentence asks for, and its words as vectors."""
