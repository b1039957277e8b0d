# Cargo: a library and a program, built, tested and run without a network.
# needs: cargo rustc gcc
# plans: default
export CARGO_HOME=$PWD/home CARGO_NET_OFFLINE=true
mkdir -p src && printf '[package]\nname = "p"\nversion = "0.1.0"\nedition = "2021"\n' >Cargo.toml
printf 'pub fn twice(x: u32) -> u32 { x * 2 }\n#[test]\nfn it() { assert_eq!(twice(2), 4); std::fs::write("tested", "x").unwrap(); }\n' >src/lib.rs
printf 'fn main() { println!("{}", p::twice(21)); std::process::exit(9) }\n' >src/main.rs
cargo run -q; echo $?; cargo test -q --lib 2>&1 | grep -E 'running|result' | sed 's/finished.*//'; cargo build 2>&1 | grep -v Finished; printf '[dependencies]\nserde = "1"\n' >>Cargo.toml; cargo build -q 2>&1 | head -1; rm -rf target home
