"""A finished run, read again: verified, judged by a policy, compared with another."""
