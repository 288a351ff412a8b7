"""Tasks in the layouts that people have: found, checked, and brought into ours."""
