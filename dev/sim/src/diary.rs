//! An incident as text.
