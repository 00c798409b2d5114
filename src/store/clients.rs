//! Clients, by id and by pool.

use super::Record;
use super::key::{self, Part as _, key};
use super::records::{Client, ClientOfPool};
use crate::domain::ids::{ClientId, PoolId};

key! {
    /// A client: public operations know nothing else.
    ClientKey = 0x18 { client: ClientId } -> Client
}

key! {
    /// That a client is of a pool.
    ClientOfPoolKey = 0x19 { pool: PoolId, client: ClientId } -> ClientOfPool
}

impl Record for Client {}
impl Record for ClientOfPool {}

impl ClientOfPoolKey {
    /// The prefix of all clients of a pool.
    pub fn prefix(pool: &PoolId) -> Vec<u8> {
        let mut prefix = vec![0x19];
        pool.write(&mut prefix);
        prefix
    }
}
