//! Record to JSON, for people and pipes. The signed thing is the CBOR.
