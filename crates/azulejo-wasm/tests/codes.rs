//! The package's list of error codes is the engine's: `AZULEJO_BLESS=1 cargo test -p azulejo-wasm` writes it anew.

use azulejo_wasm::engine_codes;

#[test]
fn codes_of_the_package_are_the_engines() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/packages/azulejo/src/codes.ts");
    let mut wanted = "// The engine's error codes, written by the engine's own tests (crates/azulejo-wasm/tests/codes.rs).\n\nexport const ENGINE_CODES = [\n".to_owned();
    for code in engine_codes() {
        wanted.push_str(&format!("  \"{code}\",\n"));
    }
    wanted.push_str("] as const;\n");
    if std::env::var_os("AZULEJO_BLESS").is_some() {
        std::fs::write(path, &wanted).expect("the package's folder");
    }
    let found = std::fs::read_to_string(path).expect("web/packages/azulejo/src/codes.ts");
    assert_eq!(found, wanted);
}
