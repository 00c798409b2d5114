//! `SMS_OTP`: a texted code in the place of a password.

use super::{Kind, rules_of_codes, rules_of_first_factors, rules_of_sent_codes, sends_no_text_messages};
use crate::spec;
use crate::support::World;

rules_of_codes! { Kind::SmsOtp }
rules_of_sent_codes! { Kind::SmsOtp }
rules_of_first_factors! { Kind::SmsOtp }

spec! {
    async fn without_a_way_for_text_messages_it_is_told_and_no_attempt(world: World) {
        sends_no_text_messages(world, Kind::SmsOtp).await;
    }
}
