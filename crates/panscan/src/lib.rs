//! panscan.
