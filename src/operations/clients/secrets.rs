//! What operators see of a client's secrets.

use crate::api;
use crate::context::clients::Client;
use crate::operations::timestamp;

/// A secret of a client, without its value.
pub struct Secret {
    pub id: String,
    /// In milliseconds since 1970.
    pub created_at: i64,
}

/// The id of a secret: the client's, and when the secret was made.
pub fn id_of(client: &Client, created_at: i64) -> String {
    format!("{}--{created_at}", client.id)
}

/// The secrets of a client, the oldest first. One that the client was made with is among them until it is deleted.
pub fn of_client(client: &Client) -> Vec<Secret> {
    let record = &client.record;
    let first = record
        .sealed_secret
        .as_ref()
        .map(|_| Secret { id: id_of(client, record.created_at), created_at: record.created_at });
    let added = record.added_secrets.iter().map(|added| Secret { id: added.id.clone(), created_at: added.created_at });
    first.into_iter().chain(added).collect()
}

impl Secret {
    pub fn descriptor(&self) -> api::ClientSecretDescriptor {
        api::ClientSecretDescriptor {
            client_secret_id: Some(self.id.clone()),
            client_secret_value: None,
            client_secret_create_date: timestamp(self.created_at),
        }
    }
}
