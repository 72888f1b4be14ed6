//! Metadata accessors: conversions, and errors that name the key.

use azulejo_formats::gguf::{Array, MetadataError};

use crate::files::all_types;

#[test]
fn metadata_numbers_convert_if_they_fit() {
    let metadata = all_types();
    assert_eq!(metadata.get_u32("a.u8"), Ok(200));
    assert_eq!(metadata.get_u32("a.u16"), Ok(60_000));
    assert_eq!(metadata.get_i32("a.i8"), Ok(-100));
    assert_eq!(metadata.get_u64("a.u64"), Ok(u64::MAX - 1));
    assert_eq!(metadata.get_f32("a.f64"), Ok(0.1));
    assert_eq!(metadata.get_f32("a.u8"), Ok(200.0));
    assert_eq!(metadata.get_bool("a.bool"), Ok(true));
    assert_eq!(metadata.get_str("a.string"), Ok("olá, açúcar"));
    let out_of_range = |result: Result<u32, MetadataError>, text: &str| {
        let error = result.unwrap_err();
        assert!(matches!(error, MetadataError::OutOfRange { .. }), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    };
    out_of_range(metadata.get_u32("a.i8"), "`a.i8`: -100 doesn't fit");
    out_of_range(metadata.get_u32("a.u64"), "18446744073709551614");
}

#[test]
fn metadata_missing_keys_and_wrong_types_are_named() {
    let metadata = all_types();
    assert_eq!(metadata.find_u32("no"), Ok(None));
    assert_eq!(metadata.find_str("no"), Ok(None));
    assert_eq!(metadata.get_u32("no"), Err(MetadataError::Missing { key: "no".to_owned() }));
    assert_eq!(metadata.get_str("no"), Err(MetadataError::Missing { key: "no".to_owned() }));
    assert_eq!(metadata.get_array_str("no"), Err(MetadataError::Missing { key: "no".to_owned() }));
    let wrong = |error: MetadataError, key: &str, type_name: &str| match error {
        MetadataError::WrongType { key: k, got, .. } => assert_eq!((k.as_str(), got), (key, type_name)),
        other => panic!("{other}"),
    };
    wrong(metadata.get_u32("a.f32").unwrap_err(), "a.f32", "f32");
    wrong(metadata.get_u32("a.bool").unwrap_err(), "a.bool", "bool");
    wrong(metadata.find_bool("a.u8").unwrap_err(), "a.u8", "u8");
    wrong(metadata.get_f32("a.string").unwrap_err(), "a.string", "string");
    wrong(metadata.get_str("list.string").unwrap_err(), "list.string", "array of string");
    wrong(metadata.get_array_str("a.string").unwrap_err(), "a.string", "string");
    wrong(metadata.get_array_str("list.u8").unwrap_err(), "list.u8", "array of u8");
    wrong(metadata.get_array_u32("list.f32").unwrap_err(), "list.f32", "array of f32");
    wrong(metadata.get_array_f32("list.string").unwrap_err(), "list.string", "array of string");
    wrong(metadata.get_array_i32("list.nested").unwrap_err(), "list.nested", "array of arrays");
}

#[test]
fn metadata_arrays_convert_if_they_fit() {
    let mut metadata = all_types();
    assert_eq!(metadata.get_array_str("list.string").unwrap(), ["a", "", "ç"]);
    assert_eq!(metadata.get_array_u32("list.u8").unwrap(), [0, 255]);
    assert_eq!(metadata.get_array_i32("list.i32").unwrap(), [i32::MIN, 0, 1]);
    assert_eq!(*metadata.get_array_f32("list.f32").unwrap(), [0.5, -1000.0]);
    assert_eq!(*metadata.get_array_f32("list.u8").unwrap(), [0.0, 255.0]);
    assert_eq!(metadata.get_array_bool("list.bool").unwrap(), [true, false]);
    assert!(matches!(metadata.get_array_u32("list.i32"), Err(MetadataError::OutOfRange { .. })));
    assert!(matches!(metadata.get_array_bool("list.u8"), Err(MetadataError::OutOfRange { .. })));
    metadata.insert("empty.list", Array::I32(vec![]));
    assert!(metadata.get_array_str("empty.list").unwrap().is_empty());
    metadata.insert("bits", vec![1u8, 0]);
    assert_eq!(metadata.get_array_bool("bits").unwrap(), [true, false]);
}
