//! The shop's customers. Card numbers are published test numbers.

/// One customer on file.
#[derive(Debug)]
pub(crate) struct Customer {
    pub id: &'static str,
    pub name: &'static str,
    /// The card on file, if any.
    pub card: Option<&'static str>,
}

/// The customer with this id.
pub(crate) fn find(id: &str) -> Option<&'static Customer> {
    CUSTOMERS.iter().find(|customer| customer.id == id)
}

const CUSTOMERS: &[Customer] = &[
    Customer {
        id: "1001",
        name: "Ada Moreau",
        card: Some("4111111111111111"),
    },
    Customer {
        id: "1002",
        name: "Bram Okafor",
        card: None,
    },
    Customer {
        id: "1003",
        name: "Chen Wilde",
        card: Some("5555555555554444"),
    },
];
