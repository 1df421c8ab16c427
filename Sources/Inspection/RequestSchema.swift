/// The messages an entry of the log can hold, as a table: what the dump tools need to print any of them
/// without generated code, and in the order and under the names etcd prints them. Facts from
/// Sources/EtcdAPI/Protos.
///
///     Message
///      number name type        in the order they are declared, which is the order they are printed in
///     enum Name A=0 B=1 …
enum RequestSchema {
    static let text = """
        InternalRaftRequest
         100 header RequestHeader
         1 ID uint64
         2 v2 Request
         3 range RangeRequest
         4 put PutRequest
         5 delete_range DeleteRangeRequest
         6 txn TxnRequest
         7 compaction CompactionRequest
         8 lease_grant LeaseGrantRequest
         9 lease_revoke LeaseRevokeRequest
         10 alarm AlarmRequest
         11 lease_checkpoint LeaseCheckpointRequest
         1000 auth_enable Empty
         1011 auth_disable Empty
         1013 auth_status Empty
         1012 authenticate InternalAuthenticateRequest
         1100 auth_user_add AuthUserAddRequest
         1101 auth_user_delete NameRequest
         1102 auth_user_get NameRequest
         1103 auth_user_change_password AuthUserChangePasswordRequest
         1104 auth_user_grant_role AuthUserGrantRoleRequest
         1105 auth_user_revoke_role AuthUserRevokeRoleRequest
         1106 auth_user_list Empty
         1107 auth_role_list Empty
         1200 auth_role_add NameRequest
         1201 auth_role_delete RoleRequest
         1202 auth_role_get RoleRequest
         1203 auth_role_grant_permission AuthRoleGrantPermissionRequest
         1204 auth_role_revoke_permission AuthRoleRevokePermissionRequest
         1300 cluster_version_set ClusterVersionSetRequest
         1301 cluster_member_attr_set ClusterMemberAttrSetRequest
         1302 downgrade_info_set DowngradeInfoSetRequest
         9900 downgrade_version_test ClusterVersionSetRequest
        RequestHeader
         1 ID uint64
         2 username string
         3 auth_revision uint64
        Request
         1 ID uint64
         2 Method string
         3 Path string
         4 Val string
         5 Dir bool
         6 PrevValue string
         7 PrevIndex uint64
         8 PrevExist bool
         9 Expiration int64
         10 Wait bool
         11 Since uint64
         12 Recursive bool
         13 Sorted bool
         14 Quorum bool
         15 Time int64
         16 Stream bool
         17 Refresh bool
        Empty
        NameRequest
         1 name string
        RoleRequest
         1 role string
        RangeRequest
         1 key bytes
         2 range_end bytes
         3 limit int64
         4 revision int64
         5 sort_order SortOrder
         6 sort_target SortTarget
         7 serializable bool
         8 keys_only bool
         9 count_only bool
         10 min_mod_revision int64
         11 max_mod_revision int64
         12 min_create_revision int64
         13 max_create_revision int64
        PutRequest
         1 key bytes
         2 value bytes
         3 lease int64
         4 prev_kv bool
         5 ignore_value bool
         6 ignore_lease bool
        DeleteRangeRequest
         1 key bytes
         2 range_end bytes
         3 prev_kv bool
        Compare
         1 result CompareResult
         2 target CompareTarget
         3 key bytes
         4 version int64
         5 create_revision int64
         6 mod_revision int64
         7 value bytes
         8 lease int64
         64 range_end bytes
        RequestOp
         1 request_range RangeRequest
         2 request_put PutRequest
         3 request_delete_range DeleteRangeRequest
         4 request_txn TxnRequest
        TxnRequest
         1 compare Compare
         2 success RequestOp
         3 failure RequestOp
        CompactionRequest
         1 revision int64
         2 physical bool
        LeaseGrantRequest
         1 TTL int64
         2 ID int64
        LeaseRevokeRequest
         1 ID int64
        LeaseCheckpoint
         1 ID int64
         2 remaining_TTL int64
        LeaseCheckpointRequest
         1 checkpoints LeaseCheckpoint
        AlarmRequest
         1 action AlarmAction
         2 memberID uint64
         3 alarm AlarmType
        InternalAuthenticateRequest
         1 name string
         2 password string
         3 simple_token string
        UserAddOptions
         1 no_password bool
        AuthUserAddRequest
         1 name string
         2 password string
         3 options UserAddOptions
         4 hashedPassword string
        AuthUserChangePasswordRequest
         1 name string
         2 password string
         3 hashedPassword string
        AuthUserGrantRoleRequest
         1 user string
         2 role string
        AuthUserRevokeRoleRequest
         1 name string
         2 role string
        Permission
         1 permType PermissionType
         2 key bytes
         3 range_end bytes
        AuthRoleGrantPermissionRequest
         1 name string
         2 perm Permission
        AuthRoleRevokePermissionRequest
         1 role string
         2 key bytes
         3 range_end bytes
        ClusterVersionSetRequest
         1 ver string
        Attributes
         1 name string
         2 client_urls string
        ClusterMemberAttrSetRequest
         1 member_ID uint64
         2 member_attributes Attributes
        DowngradeInfoSetRequest
         1 enabled bool
         2 ver string
        User
         1 name bytes
         2 password bytes
         3 roles string
         4 options UserAddOptions
        Role
         1 name bytes
         2 keyPermission Permission
        enum SortOrder NONE=0 ASCEND=1 DESCEND=2
        enum SortTarget KEY=0 VERSION=1 CREATE=2 MOD=3 VALUE=4
        enum CompareResult EQUAL=0 GREATER=1 LESS=2 NOT_EQUAL=3
        enum CompareTarget VERSION=0 CREATE=1 MOD=2 VALUE=3 LEASE=4
        enum AlarmAction GET=0 ACTIVATE=1 DEACTIVATE=2
        enum AlarmType NONE=0 NOSPACE=1 CORRUPT=2
        enum PermissionType READ=0 WRITE=1 READWRITE=2
        """
}
