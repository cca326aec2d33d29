//! Compiles the C++ side of the bridge and puts its headers where CMake looks.
// SPDX-License-Identifier: Apache-2.0
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    cxx_build::bridge("src/lib.rs")
        .std("c++17")
        .flag_if_supported("-fvisibility=hidden")
        .compile("textbridge_glue");
    println!("cargo:rerun-if-changed=src/lib.rs");
    println!("cargo:rerun-if-env-changed=TEXTBRIDGE_INCLUDE_DIR");
    if let Ok(target) = env::var("TEXTBRIDGE_INCLUDE_DIR") {
        export_headers(Path::new(&target));
    }
}

/// The folder that cxx writes to carries a hash; callers need a stable one.
fn export_headers(target: &Path) {
    let generated =
        PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("cxxbridge/include");
    let headers = [
        ("textbridge/src/lib.rs.h", "textbridge/textbridge.h"),
        ("rust/cxx.h", "rust/cxx.h"),
    ];
    for (from, to) in headers {
        let to = target.join(to);
        fs::create_dir_all(to.parent().expect("a file below the target")).expect("header folder");
        let text = fs::read(generated.join(from)).expect("generated header");
        if fs::read(&to).ok().as_deref() != Some(&text[..]) {
            fs::write(&to, text).expect("header");
        }
    }
}
