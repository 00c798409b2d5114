mod admin_forget_device;
mod admin_get_device;
mod admin_list_devices;
mod admin_update_device_status;
mod confirm_device;
mod forget_device;
mod get_device;
mod list_devices;
mod refresh;
mod update_device_status;

use crate::support::devices::Tracking;
use crate::support::fixtures::TestClient;
use crate::support::{Refusal, World, refusal};

/// No pool's user has a device of this key.
const NO_DEVICE: &str = "us-east-1_00000000-0000-4000-8000-000000000000";

fn no_device() -> Refusal {
    refusal("ResourceNotFoundException", "Device does not exist.")
}

fn not_tracked() -> Refusal {
    refusal("InvalidUserPoolConfigurationException", "The user pool does not track devices.")
}

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

/// A client of a pool that tracks devices, with users who need no second factor.
async fn scene(world: &World, tracking: Tracking) -> TestClient {
    let pool = world.pool_with_devices(tracking).await;
    let client = world.client(&pool, |_| {}).await;
    for username in ["alice", "bob"] {
        world.reachable_user(&client, username).await;
    }
    client
}

/// Keys that name no device of alice's: nobody's, bob's, and what is no key of this pool's at all.
async fn keys_of_none(world: &World, client: &TestClient) -> Vec<String> {
    let of_bob = world.device_of(client, "bob").await.key;
    let of_alice = world.device_of(client, "alice").await.key;
    let elsewhere = of_alice.replace("us-east-1_", "eu-west-1_");
    vec![of_bob, NO_DEVICE.to_owned(), elsewhere, of_alice.replace('-', ""), "x_0".to_owned()]
}
