// The target whose precompiled header all test binaries share.
// SPDX-License-Identifier: Apache-2.0
int main() { return 0; }
