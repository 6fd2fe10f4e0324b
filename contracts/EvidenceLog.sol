// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Append-only logs of Merkle roots, one for each operator address.
/// @notice There is no owner, no administrator, no upgrade and no fee: whoever sends a transaction writes to the log of
/// its own address and to nothing else. The contract is deployed by CREATE2 with fixed bytecode, so that its address
/// proves its code.
/// @dev A root is kept in the event (and in the calldata), not in storage: that halves the price, and nobody needs it
/// from the state. What the state must hold is enough to refuse a second root for an index, and to commit to all roots
/// before: one slot.
contract EvidenceLog {
    /// @notice Low 192 bits of a hash over everything appended so far, above 64 bits of count. 0 is an empty log.
    /// @dev next = uint192(keccak256(abi.encode(previous slot, root, size))) << 64 | (count + 1). Who has all roots of
    /// a log can recompute its slot with nothing else; one altered, missing or inserted root changes it.
    mapping(address operator => uint256) public slots;

    /// @notice `root` over `size` leaves is number `index` of the log of `log`.
    event Appended(address indexed log, uint64 indexed index, bytes32 root, uint64 size);

    /// @notice The log's next index is `expected`: this root, or another, is there already, or one before it is missing.
    error IndexTaken(uint64 expected, uint64 given);

    /// @notice A root over no leaves says nothing.
    error EmptyBatch();

    /// @notice Appends a root to the sender's own log.
    /// @param index what the sender takes for the next index. Compare and swap: a transaction that was sent twice, or
    /// that two servers sent at once, has effect once, and never out of order.
    function append(uint64 index, bytes32 root, uint64 size) external {
        uint256 slot = slots[msg.sender];
        uint64 count = uint64(slot);
        if (index != count) revert IndexTaken(count, index);
        if (size == 0) revert EmptyBatch();
        uint256 rolling = uint256(keccak256(abi.encode(slot, root, size)));
        // The shift drops the upper 64 bits of the hash. The addition is checked: a log ends at 2^64 - 1 roots.
        slots[msg.sender] = (rolling << 64) | (count + 1);
        emit Appended(msg.sender, index, root, size);
    }

    /// @notice The head of a log: how many roots it holds, and the hash over them.
    function head(address log) external view returns (uint64 count, uint192 rolling) {
        uint256 slot = slots[log];
        return (uint64(slot), uint192(slot >> 64));
    }
}
