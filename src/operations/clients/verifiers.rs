//! Whether a pool keeps SRP verifiers follows its clients: it does while one of them lets users prove their passwords
//! so.
//!
//! Verifiers are worth less to who is asked for a password than they are to a thief, so they are not kept for nobody.

use super::CLIENTS_PER_POOL_MAX;
use crate::context::Cx;
use crate::context::pools::Pool;
use crate::domain::auth_flows::needs_srp_verifiers;
use crate::domain::ids::ClientId;
use crate::error::Error;
use crate::store::{Batch, ClientKey, ClientOfPoolKey, SrpVerifierRemovalKey, records};

/// The pool as it is to be written in the batch, if its clients need verifiers otherwise than before, when the one of
/// this id becomes `after` what it was `before`; each is absent where there is none. It may be no other: but of two
/// clients that change at once, the one that comes second must look again. Where the pool keeps verifiers no more,
/// those it has are swept in the background, which is to be told ([`crate::context::Services::removal_begun`]).
pub async fn follow(
    cx: &Cx<'_>,
    batch: &mut Batch,
    pool: &Pool,
    client: &ClientId,
    before: Option<&records::Client>,
    after: Option<&records::Client>,
) -> Result<Option<records::Pool>, Error> {
    let (needed, needs) = (before.is_some_and(needs), after.is_some_and(needs));
    let kept = pool.record.keeps_srp_verifiers;
    if needed == needs && (!needs || kept) {
        return Ok(None);
    }
    let keeps = needs || others_need(cx, pool, client).await?;
    let removal = SrpVerifierRemovalKey { pool: pool.id.clone() };
    match (kept, keeps) {
        (false, true) => batch.delete(&removal),
        (true, false) => {
            let requested_at = cx.now().as_millisecond();
            batch.put(&removal, &records::SrpVerifierRemoval { requested_at, swept_to: String::new() });
        }
        _ => {}
    }
    Ok(Some(records::Pool { keeps_srp_verifiers: keeps, ..pool.record.record.clone() }))
}

fn needs(client: &records::Client) -> bool {
    needs_srp_verifiers(&client.explicit_auth_flows)
}

async fn others_need(cx: &Cx<'_>, pool: &Pool, but: &ClientId) -> Result<bool, Error> {
    let prefix = ClientOfPoolKey::prefix(&pool.id);
    let listed = cx.store.list::<ClientOfPoolKey>(&prefix, None, CLIENTS_PER_POOL_MAX).await?;
    let others = listed.into_iter().map(|(key, _)| key.client).filter(|client| client != but);
    let keys: Vec<_> = others.map(|client| ClientKey { client }).collect();
    Ok(cx.store.read_each(&keys).await?.iter().flatten().any(|client| needs(client)))
}
