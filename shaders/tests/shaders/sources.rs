//! The WESL files themselves.
