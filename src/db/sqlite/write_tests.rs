//! What the driver writes, and what it says when it must not.
