//! Every test that needs more than one crate, in one program.

mod test_databases;
