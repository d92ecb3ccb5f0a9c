"""Pages under the terms of a rule or practice, a file for each."""
