//! The Debian package on a Debian that it has never seen: a machine is booted with systemd
//! (systemd-nspawn, its own network, cgroups and processes, the kernel of this host), the
//! package is installed with apt, and panward lives as its unit says. Root only.
//!
//! `cargo xtask test` makes the package (`PANWARD_PACKAGE`) and the root folder of the
//! machine (`PANWARD_DEBIAN`); what the machine writes into it is thrown away.

mod life;
mod machine;
