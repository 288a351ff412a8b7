"""The methods that are compared, one in each file."""
