//! Makes sure that the console's folder is there to be embedded, and embeds it anew when it has
//! changed. Building the console is `scripts/build-console`'s work: cargo must not need Node.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let dist = Path::new("console/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=console/dist");
    if !dist.join("index.html").exists() {
        println!("cargo:warning=the console is not built; the aggregator will say so in its place");
    }
    fs::create_dir_all(dist)
}
