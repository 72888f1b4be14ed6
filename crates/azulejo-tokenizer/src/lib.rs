//! Text to token ids and back: `tokenizer.json`, GGUF vocabularies, streaming decoding and chat templates.
