//! The `azulejo` program.

fn main() {}
