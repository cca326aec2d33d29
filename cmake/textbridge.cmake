# Builds rust/textbridge; the file is a no-op until the crate is there.
# SPDX-License-Identifier: Apache-2.0
