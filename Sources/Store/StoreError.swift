/// Why a request is refused, by applying it or by checking it before it is proposed or read.
///
/// One case per row of spec/errors.md that the store can cause; codes and texts are made in Services,
/// in one table.
package enum StoreError: Error, Hashable, CaseIterable, Sendable {
    // Requests of the key space.
    case keyNotProvided
    /// ignore_value or ignore_lease on a missing key; an operation of a Txn without content.
    case keyNotFound
    case valueProvided
    case leaseProvided
    case tooManyOperations
    case duplicateKey
    case invalidSortOption
    case compacted
    case futureRevision
    /// The NOSPACE alarm is active (apply), or the quota would be passed (check before proposing).
    case noSpace
    /// The CORRUPT alarm is active.
    case corruptCluster

    // Leases.
    case leaseNotFound
    case leaseExists
    case leaseTTLTooLarge

    // Cluster.
    case memberIDExists
    case peerURLExists
    case memberNotFound
    case memberNotLearner
    case tooManyLearners
    case notEnoughStartedMembers

    // Auth.
    case rootUserNotExist
    case rootRoleNotExist
    case userAlreadyExists
    case userEmpty
    case userNotFound
    case roleAlreadyExists
    case roleNotFound
    case roleEmpty
    case authenticationFailed
    /// A password for a user that has none.
    case noPasswordUser
    case invalidAuthToken
    case permissionNotGiven
    case permissionDenied
    case roleNotGranted
    case permissionNotGranted
    case authNotEnabled
    case invalidAuthManagement
    case authOldRevision

    // Downgrade.
    case wrongDowngradeVersionFormat
    case invalidDowngradeTargetVersion
    case downgradeInProgress
    case noInflightDowngrade
}
