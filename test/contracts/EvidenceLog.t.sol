// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EvidenceLog} from "../../contracts/EvidenceLog.sol";

/// Another address that appends: the log belongs to the sender.
contract Operator {
    function append(EvidenceLog log, uint64 index, bytes32 root, uint64 size) external {
        log.append(index, root, size);
    }
}

contract EvidenceLogTest {
    EvidenceLog private log;
    Operator private other;

    function setUp() public {
        log = new EvidenceLog();
        other = new Operator();
    }

    function testFuzz_anEmptyLogTakesOnlyIndexZero(uint64 index, bytes32 root, uint64 size) public {
        try log.append(index, root, size) {
            require(index == 0 && size != 0, "accepted what it must refuse");
            require(log.slots(address(this)) == next(0, root, size), "wrong slot");
        } catch (bytes memory reason) {
            require(index != 0 || size == 0, "refused what it must accept");
            bytes memory expected = index != 0
                ? abi.encodeWithSelector(EvidenceLog.IndexTaken.selector, 0, index)
                : abi.encodeWithSelector(EvidenceLog.EmptyBatch.selector);
            require(keccak256(reason) == keccak256(expected), "wrong reason");
            require(log.slots(address(this)) == 0, "a refusal left a trace");
        }
    }

    function testFuzz_theSlotCommitsToEveryRootAndItsOrder(bytes32[8] memory roots, uint64[8] memory sizes) public {
        uint256 slot = 0;
        for (uint64 i = 0; i < 8; i++) {
            uint64 size = sizes[i] == 0 ? 1 : sizes[i];
            log.append(i, roots[i], size);
            slot = next(slot, roots[i], size);
            require(log.slots(address(this)) == slot, "wrong slot");
        }
        (uint64 count, uint192 rolling) = log.head(address(this));
        require(count == 8 && rolling == uint192(slot >> 64), "wrong head");
    }

    function testFuzz_anIndexIsTakenOnce(uint8 appended, uint64 index, bytes32 root) public {
        uint64 count = uint64(appended % 8) + 1;
        for (uint64 i = 0; i < count; i++) log.append(i, keccak256(abi.encode(i)), 1);
        uint256 before = log.slots(address(this));
        if (index == count) index = count - 1;
        try log.append(index, root, 1) {
            revert("appended out of order");
        } catch (bytes memory reason) {
            bytes memory expected = abi.encodeWithSelector(EvidenceLog.IndexTaken.selector, count, index);
            require(keccak256(reason) == keccak256(expected), "wrong reason");
        }
        require(log.slots(address(this)) == before, "a refusal left a trace");
    }

    function testFuzz_operatorsDoNotTouchEachOther(bytes32 mine, bytes32 theirs, uint64 size) public {
        if (size == 0) size = 1;
        log.append(0, mine, size);
        uint256 before = log.slots(address(this));
        other.append(log, 0, theirs, size);
        require(log.slots(address(this)) == before, "another log changed");
        require(log.slots(address(other)) == next(0, theirs, size), "wrong slot");
    }

    function next(uint256 slot, bytes32 root, uint64 size) private pure returns (uint256) {
        uint256 low = uint256(keccak256(abi.encode(slot, root, size))) % 2 ** 192;
        return low * 2 ** 64 + (slot % 2 ** 64) + 1;
    }
}
