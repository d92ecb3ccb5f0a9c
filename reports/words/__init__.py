"""What is said: sentences, names, numbers and languages."""
