/// A place in the table of handlers, with the generation that tells it from earlier users of the place.
struct Registration: Equatable {
    let slot: UInt32
    let generation: UInt32

    /// What travels through epoll: generation in the high half, slot in the low half.
    var eventData: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// The handlers of a loop by slot.
///
/// The generation drops an event of a descriptor that is already gone:
///
///     1  one epoll_wait reports A and B
///     2  handling A closes B; its slot is given to a new connection C accepted in the same pass
///     3  B's event is dispatched: slot right, generation old, so it does not reach C
struct Registrations {
    /// The doorbell's event data: no slot, as its ring is read from its state.
    static let doorbell = UInt64.max

    private struct Slot {
        var generation: UInt32
        var handler: (any ReadinessHandler)?
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []

    mutating func add(_ handler: any ReadinessHandler) -> Registration {
        if let slot = free.popLast() {
            slots[Int(slot)].handler = handler
            return Registration(slot: slot, generation: slots[Int(slot)].generation)
        }
        slots.append(Slot(generation: 1, handler: handler))
        return Registration(slot: UInt32(slots.count - 1), generation: 1)
    }

    mutating func remove(_ registration: Registration) {
        let slot = Int(registration.slot)
        precondition(slots[slot].generation == registration.generation, "a registration ends once")
        slots[slot].handler = nil
        slots[slot].generation &+= 1  // wraps after 2^32 uses of one slot: no event lives that long
        free.append(registration.slot)
    }

    func handler(_ eventData: UInt64) -> (any ReadinessHandler)? {
        let slot = Int(UInt32(truncatingIfNeeded: eventData))
        guard slot < slots.count, slots[slot].generation == UInt32(eventData >> 32) else { return nil }
        return slots[slot].handler
    }
}
