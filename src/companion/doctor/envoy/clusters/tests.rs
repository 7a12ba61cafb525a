use serde_json::json;

use super::is_healthy;

#[test]
fn an_endpoint_is_healthy_unless_discovery_a_health_check_or_outlier_detection_says_otherwise() {
    for (status, expected) in [
        (json!({"eds_health_status": "HEALTHY"}), true),
        (json!({}), true),
        (json!({"eds_health_status": "UNHEALTHY"}), false),
        (json!({"eds_health_status": "DRAINING"}), false),
        (json!({"failed_active_health_check": true}), false),
        (
            json!({"eds_health_status": "HEALTHY", "failed_outlier_check": true}),
            false,
        ),
    ] {
        let host = json!({"health_status": status});
        assert_eq!(is_healthy(&host), expected, "{host}");
    }
}
