//! Links the program to a fixed address. A program that may lie anywhere has 18,000 pointers to adjust each time it
//! starts, which took a third of what one `haltline emit` costs; see docs/PERFORMANCE.md.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
