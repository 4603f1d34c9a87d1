//! Placeholder until the embedded store lands.
