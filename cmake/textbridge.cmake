# Builds rust/textbridge; the file is a no-op until the crate is there.
