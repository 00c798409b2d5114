//! `VerifyUserAttribute`: users prove to hold the address that a code was sent to.

use super::address_named;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::attributes::verification_of;
use crate::context::verification::Judgement;
use crate::error::Error;
use crate::store::{Batch, ThrottlePurpose};

impl Operation for api::VerifyUserAttributeRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::VerifyUserAttributeResponse, Error> {
        let (pool, user) = (&caller.bearer().client.pool, &caller.bearer().user);
        let address = address_named(self.attribute_name())?;
        let attribute = address.attribute();
        let mut after = user.attributes();
        if !after.contains_key(attribute) && cx.waiting_value(user, address).await?.is_none() {
            let message = format!("Unable to verify attribute: {attribute} no value set to verify");
            return Err(Error::invalid_parameter(message));
        }
        let _turn = cx.turn(&user.owner).await;
        let mut batch = Batch::default();
        cx.throttle(&mut batch, &user.owner, ThrottlePurpose::VerifyUserAttribute).await?;
        match cx.judge_code(&mut batch, &user.owner, verification_of(address), self.code()).await? {
            Judgement::Refused(refusal) => {
                cx.commit(batch).await?;
                Err(refusal)
            }
            Judgement::Right(proved) => {
                after.extend(proved.new_value.map(|value| (attribute.to_owned(), value)));
                after.insert(address.verified_flag(), "true".to_owned());
                cx.set_attributes(&mut batch, pool, user, after).await?;
                cx.commit(batch).await?;
                Ok(api::VerifyUserAttributeResponse {})
            }
        }
    }
}
