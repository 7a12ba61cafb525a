use super::*;

#[test]
fn the_info_of_a_server_is_read_and_that_of_several_is_not() {
    let text = "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n# Persistence\r\naof_enabled:0\r\n\
                rdb_last_bgsave_status:err\r\naof_last_write_status:ok\r\n";
    let expected = RedisInfo {
        eviction: Some("allkeys-lru".to_owned()),
        has_memory_limit: false,
        has_append_only_file: false,
        snapshots: None,
        has_failed_writes: true,
    };
    assert_eq!(RedisInfo::parse(text), Some(expected));
    assert_eq!(RedisInfo::parse("redis_version:7.0.0\r\n"), None);
}
