/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wake.pml - what sleeps on a FIFO, and what wakes it: a model for spin(1)
 *
 * scripts/lib/model-test includes this file after a few definitions: the processes to run
 * (RUN), the numbers, and for a mutant the rule that it breaks (M_...). `configurations`
 * and `mutants` in this folder list both. Spin searches all interleavings.
 *
 * What is modelled. A FIFO has two ends. Each has a position and a number of available
 * bytes: the stored ones for the consumer, the free ones for the producer. The holder of a
 * claim moves the position of its end, and kicks; or the kernel moves it for a system
 * call. A waiter is a sleeper (a blocked read() or write(), with a need) or a poller (with
 * a watermark): epoll level- or edge-triggered, one epoll file shared by two processes,
 * io_uring's multishot poll, SIGIO. Proctypes and inlines stand for:
 *
 *	holder, publish		a client, as src/doc/protocol.rst defines it
 *	kick, side_kick		vfifo_ring_kick()
 *	mover, move		io_move() and vfifo_side_commit(), for a call that
 *				does not wait
 *	intruder		the generator
 *	side_wake, side_wake_waiters
 *				vfifo_ring_wake(), vfifo_ring_wake_waiters()
 *	sleeper			io_run(), vfifo_ring_wait()
 *	enqueue, leave, wake_sleepers, show_need
 *				the sections under the lock of the sleepers' queue:
 *				sleeper_enter(), sleeper_get_up() and
 *				vfifo_ring_leave(), sleepers_wake(), sleepers_changed()
 *	pass_on, pass_on_used	vfifo_ring_pass_on(), io_pass_on()
 *	poll_file		vfifo_ring_poll()
 *	epoller, sharer, uring	epoll_wait() and io_uring, each with its program
 *	sigio			vfifo_ring_fasync(), and a program
 *	wake_all		vfifo_ring_changed(), with a notice without delay
 *	dying			vfifo_claim_release(), for a holder that was killed
 *	claimer			vfifo_claim_begin()
 *	remover			vfifo_ring_remove()
 *	tuner			vfifo_ring_set_watermark()
 *	closer			the last writer, which closes its file (eof=1), or ends the
 *				stream: vfifo_side_show_flags()
 *	switcher		a change of `overflow`, from block to drop or overwrite
 *	shrinker		vfifo_ring_resize(), next_setting() and
 *				vfifo_ring_wake_sleepers()
 *	NEVER			never_met(); and, under the side's lock, is_too_long()
 *	overwriter		a write with overflow=overwrite: vfifo_ring_make_room()
 *	WAITS			vfifo_side_waits()
 *
 * The order in which sleepers are served is modelled in order.pml. This model differs from
 * the kernel in these points. Here the queue has only the sleepers that have not been
 * woken: a wake-up removes a sleeper, and one that sleeps again comes last. In the kernel a
 * woken sleeper keeps its place, but until it sleeps again it counts neither for bit and
 * threshold nor for the next wake-up. Here no sleeper is held back for another one. Here a
 * wake-up skips a sleeper that a signal has already woken; in the kernel that sleeper
 * passes the wake-up on when it leaves. Here a woken sleeper checks its condition again
 * before `wait` ends; in the kernel it checks when it has the side's lock.
 *
 * Memory. The stores of a process go into a buffer of its own. `hardware` moves them to
 * memory in any order and after any delay, except that an unlock comes after the stores
 * that the lock guards. A barrier waits until the buffer is empty. That is weaker than
 * total store order, as the atomic operations that set a bit are delayed as well. Loads are
 * executed in program order; the *.litmus files in this folder test their reordering. A
 * wake-up of pollers takes effect at once, even before earlier stores. A real machine
 * cannot do that, as a wake-up releases a lock.
 *
 * Properties that are checked:
 *
 *  1. No wake-up is lost: when no process can move (`judge`), no process sleeps whose
 *     condition holds, and all bytes have arrived.
 *  2. A holder kicks at most once for each sleep or poll on the other end (`credit`). If
 *     several processes share that end (BARGED), one more kick is allowed each time that
 *     one of them takes bytes while another one sleeps: the kick finds no bytes, wakes no
 *     sleeper, and leaves the bit set, as rule 3 requires.
 *  3. Under the queue's lock, the SLEEP bit is set exactly while the queue has sleepers
 *     that have not been woken.
 *  4. A move wakes a sleeper only if its need is met.
 *
 *  5. After the end of the stream no reader sleeps, each has got all bytes before it was told
 *     of the end, and a poller gets the rest that is below its watermark. After a change to
 *     drop or overwrite no writer sleeps, and none that needs more than a new capacity.
 *
 * Not modelled: invalid positions, the copying of bytes, the wrap-around of positions, a stream
 * that goes on after its end, and the implementation of the locks.
 */
#define P 0 /* enum vfifo_end */
#define C 1
#define OTHER(e) (1 - (e))
#define LIM(e) ((e) == P -> LIM_P : LIM_C)

#ifndef CAP
#define CAP 2
#endif
#ifndef N
#define N 3 /* bytes to transfer */
#endif
#ifndef LIM_P
#define LIM_P N /* where processes stop that neither sleep nor poll */
#endif
#ifndef LIM_C
#define LIM_C N
#endif
#ifndef FULL
#define FULL 0 /* bytes stored initially */
#endif
#ifndef BATCH
#define BATCH 1 /* bytes that the kernel moves at once */
#endif
#ifndef LEFT
#define LEFT 0 /* bytes that may stay in the end, as they are below the watermark */
#endif
#ifndef WM_P
#define WM_P 1
#endif
#ifndef WM_C
#define WM_C 1
#endif
#define NP 4 /* processes, by number */

/* Memory. */
byte pos[2];
bit sleep[2], poll[2];	/* the word `need` */
byte thr[2];		/* thresholds */
byte wm[2];		/* watermarks */
bit claimed[2], removed;
bit ended;		/* the stream */
bit lossy;		/* a write waits for space: overflow is drop or overwrite */
bit shrunk;		/* the capacity */

/* The sleepers of each end that have not been woken, at most two, and the locks. */
byte q[4], qn[2];
bit qlk[2];		/* the queue's lock, until its unlock reaches memory */
bit lk[2];		/* the side's lock, likewise */

/* Stores that have not reached memory, by process. */
byte sb_at[NP];		/* the position of the end `end_of` */
bit sb_q[NP];		/* a new entry of the queue, bit and threshold */
bit sb_poll[NP];	/* the POLL bit */
bit sb_wm, sb_claim, sb_ended, sb_lossy, sb_shrunk;
byte end_of[NP];		/* the end that a process moves, or waits for */

/* Waiters. */
byte want[NP];		/* a sleeper's need */
bit up[NP];		/* a task's state is TASK_RUNNING */
bit sig[NP];		/* a signal is pending */
bit reg[NP];		/* in the queue of the pollers */
bit rdy[NP];		/* on the ready list */
byte epq, epq2;		/* the sleepers on a shared epoll file, in order */
bit epwk[NP];		/* woken there */
bit fasync[2], io[NP];	/* SIGIO: users, pending */
bit cqe[NP];		/* a completion was posted */
byte asleep[NP];	/* 1: a sleeper, 2: a poller */

byte credit[2];		/* sleeps and polls, minus kicks */

/* The capacity, and whether it can never meet a need. */
#ifdef SHRINKS /* to so many bytes */
#define CAPACITY (shrunk -> SHRINKS : CAP)
#define NEVER(n) (shrunk && (n) > SHRINKS)
#else
#define CAPACITY CAP
#define NEVER(n) false
#endif

/* Bytes available at an end, from its own position and the other end's. */
#define ROOM(e, own, peer) ((peer) - (own) + ((e) == P) * CAPACITY)
/* A process sees its own store before the others do. */
#define AT(p, e) (sb_at[p] && end_of[p] == (e) -> sb_at[p] : pos[e])

/* Whether a call waits that has too little room, and the room from which a poller is ready. */
#define WAITS(e) ((e) == C -> !ended : !lossy)
#define ENOUGH(e) ((e) == C && ended -> 1 : wm[e])

#define BARRIER(p) (!sb_at[p] && !sb_q[p] && !sb_poll[p])

/* waitqueue_active(): does not see an entry that has not reached memory. */
#define ACTIVE(e) (qn[e] > 1 || (qn[e] == 1 && !qlk[e]))

/* Bit and threshold, under the queue's lock. */
inline show_need(e) {
	sleep[e] = (qn[e] > 0);
	if
	:: qn[e] == 0 -> thr[e] = 0
	:: qn[e] == 1 -> thr[e] = want[q[2 * (e)]]
	:: else -> thr[e] = (want[q[2 * (e)]] < want[q[2 * (e) + 1]] ->
			     want[q[2 * (e)]] : want[q[2 * (e) + 1]])
	fi
}

#ifdef NO_CHECK_3
#define CHECK_3(e) skip
#else
#define CHECK_3(e) assert(sleep[e] == (qn[e] > 0))
#endif
#ifdef NO_CHECK_4
#define CHECK_4(p, key) skip
#else
#define CHECK_4(p, key) assert(want[p] <= key)
#endif

#ifdef M_WOKEN_UNMET
#define MEETS(p, key) true
#else
#define MEETS(p, key) (want[p] <= key)
#endif

inline dequeue(e, i) {
	if
	:: i == 0 -> q[2 * (e)] = q[2 * (e) + 1]
	:: else
	fi;
	q[2 * (e) + 1] = 0;
	qn[e]--
}

/*
 * sleepers_wake(): wakes the first sleeper whose need is met. A sleeper that a signal has
 * already woken is dequeued as well, but does not count.
 */
inline wake_sleepers(e, key) {
	atomic {
		!qlk[e];
		CHECK_3(e);
		d_step {
			i = 0;
			do
			:: i < qn[e] && MEETS(q[2 * (e) + i], key) ->
				if
				:: up[q[2 * (e) + i]] ->
#ifdef M_SIGNALLED_STAYS
					i++
#else
					dequeue(e, i)
#endif
				:: else ->
					CHECK_4(q[2 * (e) + i], key);
					up[q[2 * (e) + i]] = 1;
					dequeue(e, i);
					break
				fi
			:: i < qn[e] && !MEETS(q[2 * (e) + i], key) -> i++
			:: else -> break
			od;
			i = 0;
#ifndef M_BIT_LATER
			show_need(e)
#endif
		}
	}
#ifdef M_BIT_LATER
	;
	if
	:: qn[e] == 0 -> sleep[e] = 0
	:: else
	fi
#endif
}

/* sleepers_wake_all(): wakes sleepers with any need. */
inline wake_every_sleeper(e) {
	if
	:: ACTIVE(e) ->
		atomic {
			!qlk[e];
			CHECK_3(e);
			d_step {
				do
				:: qn[e] > 0 ->
					up[q[2 * (e)]] = 1;
					dequeue(e, 0)
				:: else -> break
				od;
				show_need(e)
			}
		}
	:: else
	fi
}

/* ep_poll_callback(), io_poll_wake() */
#ifdef SHARED /* processes 1 and 2 sleep exclusively on one epoll file, number 1 */
#define CALLBACK(p) \
	rdy[p] = 1; \
	if \
	:: epq -> epwk[epq] = 1; epq = epq2; epq2 = 0 \
	:: else \
	fi
#else
#define CALLBACK(p) rdy[p] = 1
#endif
#define CALL(p, e) \
	if \
	:: reg[p] && end_of[p] == (e) && !one -> CALLBACK(p); ONE \
	:: else \
	fi
#ifdef M_POLLERS_EXCLUSIVE
#define ONE one = 1
#else
#define ONE skip
#endif

inline call_pollers(e) {
	d_step {
		one = 0;
		CALL(0, e);
		CALL(1, e);
		CALL(2, e);
		CALL(3, e);
		one = 0
	}
}

inline look(p, e) {
	a = AT(p, e);
	a = ROOM(e, a, AT(p, OTHER(e)))
}

inline send_sigio(e) {
	d_step {
		io[0] = io[0] || end_of[0] == (e);
		io[1] = io[1] || end_of[1] == (e);
		io[2] = io[2] || end_of[2] == (e);
		io[3] = io[3] || end_of[3] == (e)
	}
}

/* Clears the bit, fully ordered, before the pollers are woken. */
inline clear_poll(e) {
#ifdef M_FASYNC_ASKED_FIRST
	f = fasync[e];
	poll[e] = 0;
	if
	:: f -> poll[e] = 1
	:: else
	fi
#else
	poll[e] = 0;
#ifndef M_FASYNC_NOT_AGAIN
	if
	:: fasync[e] -> poll[e] = 1
	:: else
	fi
#endif
#endif
}

inline wake_pollers(p, e) {
#ifdef M_CLEAR_AFTER_WAKE
	call_pollers(e);
	clear_poll(e);
#else
#ifndef M_TEST_AFTER_CLEAR
	clear_poll(e);
#endif
#ifdef M_WAKE_CONDITIONAL
	look(p, e);
	if
	:: a >= wm[e] -> call_pollers(e)
	:: else
	fi;
#else
	call_pollers(e);
#endif
#endif
	if
	:: fasync[e] -> send_sigio(e)
	:: else
	fi
}

/* Wakes one sleeper of an end; called after a barrier. */
inline wake_sleeper_of(p, e) {
	look(p, e);
	if
	:: ACTIVE(e) -> wake_sleepers(e, a)
	:: else
	fi;
	a = 0
}

/* Without a poll since the last wake-up there is no poller to wake. */
#ifdef M_TEST_AFTER_CLEAR
#define POLLED(e) true
#else
#define POLLED(e) poll[e]
#endif

/* Wakes the waiters of an end that can continue; called after a barrier. */
inline side_wake_waiters(p, e) {
	look(p, e);
	if
	:: ACTIVE(e) -> wake_sleepers(e, a)
	:: else
	fi;
#ifdef POLLERS
#ifdef M_TEST_AFTER_CLEAR
	clear_poll(e);
#endif
	if
	:: a >= wm[e] && POLLED(e) -> wake_pollers(p, e)
	:: else
	fi;
#endif
	a = 0
}

/* The same, but nothing at all if the word `need` has no bit of that end. */
#ifdef M_LOOKS_FOR_NO_POLLER
#define AWAITED(e) (sleep[e])
#elif defined(M_LOOKS_FOR_NO_SLEEPER)
#define AWAITED(e) (POLLED(e))
#else
#define AWAITED(e) (sleep[e] || POLLED(e))
#endif

inline side_wake(p, e) {
	if
	:: AWAITED(e) -> side_wake_waiters(p, e)
	:: else
	fi
}

/*
 * The holder has tested the watermark before its kick, so the pollers are woken without
 * another test. The bytes may be gone by now, but if the bit stayed set, the holder would
 * kick again at its next byte.
 */
inline side_kick(p, e) {
#if defined(POLLERS) && !defined(M_KICK_TESTS_WATERMARK) && \
	!defined(M_TEST_AFTER_CLEAR)
	wake_sleeper_of(p, e);
	if
	:: poll[e] -> wake_pollers(p, e)
	:: else
	fi
#else
	side_wake_waiters(p, e)
#endif
}

inline kick(p, e) {
	BARRIER(p);
#ifdef BOTH
	side_kick(p, e);
#endif
	side_kick(p, OTHER(e))
}

/*
 * The holder of a claim moves one byte, in the steps of the ABI. It skips step 1, the load of
 * the other position, while the value that it has loaded before suffices.
 */
inline publish(p, e) {
	atomic {
		if
		:: ROOM(e, mine, seen) == 0 -> seen = pos[OTHER(e)]
		:: else
		fi;
		moved = ROOM(e, mine, seen) > 0 && mine < N;
		if
		:: moved -> mine++; sb_at[p] = mine
		:: else
		fi
	}
	if
	:: moved ->
#ifndef M_NO_A_CLAIMED
		BARRIER(p);
#endif
		atomic { s = sleep[OTHER(e)]; l = poll[OTHER(e)] };
		if
		:: s || l ->
#ifndef M_CACHED_PEER
			seen = pos[OTHER(e)];
#endif
			a = ROOM(OTHER(e), seen, mine);
			if
#ifdef M_NO_THRESHOLD
			:: s || (l && a >= wm[OTHER(e)]) ->
#else
			:: (s && a >= thr[OTHER(e)]) ||
			   (l && a >= wm[OTHER(e)]) ->
#endif
				assert(credit[OTHER(e)] > 0);
				atomic { credit[OTHER(e)]--; s = 0; l = 0; a = 0 };
				kick(p, e)
			:: else -> atomic { s = 0; l = 0; a = 0 }
			fi
		:: else
		fi
	:: else
	fi
}

#ifdef BARGED
#define GIVE(e) credit[e]++
#else
#define GIVE(e) skip
#endif

/*
 * Moves all bytes of a system call or none, under the side's lock, which is released when
 * the position has reached memory. Then wakes the other end.
 */
inline move(p, e, n) {
	atomic {
		!lk[e];
		moved = ROOM(e, pos[e], pos[OTHER(e)]) >= n && pos[e] + n <= N;
		if
		:: moved ->
			sb_at[p] = pos[e] + n;
			lk[e] = 1;
			GIVE(e)
		:: else
		fi
	}
#if defined(BOTH) || !defined(ONE_WAY)
	if
	:: moved ->
#ifndef M_NO_A_KERNEL
		BARRIER(p);
#endif
		side_wake(p, OTHER(e))
	:: else
	fi
#endif
}

inline pass_on(p, e) {
	BARRIER(p);
	wake_sleeper_of(p, e)
}

#define QUEUED(p, e) ((qn[e] > 0 && q[2 * (e)] == p) || \
		      (qn[e] > 1 && q[2 * (e) + 1] == p))

inline enqueue(p, e) {
	atomic {
		!qlk[e];
		CHECK_3(e);
		d_step {
			if
			:: QUEUED(p, e)
			:: else ->
				q[2 * (e) + qn[e]] = p;
				qn[e]++;
				credit[e]++;
				sb_q[p] = 1;
				qlk[e] = 1
			fi;
			up[p] = 0
		}
	}
}

inline leave(p, e) {
	atomic {
		!qlk[e];
		CHECK_3(e);
		d_step {
			if
			:: qn[e] > 0 && q[2 * (e)] == p -> dequeue(e, 0)
			:: qn[e] > 1 && q[2 * (e) + 1] == p -> dequeue(e, 1)
			:: else
			fi;
#ifdef M_SIGNAL_KEEPS_BIT
			if
			:: gone
			:: else -> show_need(e)
			fi;
#else
			show_need(e);
#endif
			up[p] = 0
		}
	}
}

inline wake_all(p) {
	BARRIER(p);
	wake_every_sleeper(P);
	wake_every_sleeper(C);
#ifdef POLLERS
	wake_pollers(p, P);
	wake_pollers(p, C);
#endif
}

/* ->poll of a file; `again`: it is already queued. */
inline poll_file(p, e, again) {
	atomic {
		credit[e]++;
#if defined(M_POLL_BIT_FIRST_ONLY)
		sb_poll[p] = !again;
#elif !defined(M_POLL_BIT_UNREADY_ONLY)
		sb_poll[p] = 1;
#endif
	}
#ifndef M_NO_C
	BARRIER(p);
#endif
	look(p, e);
#ifdef M_POLL_BIT_UNREADY_ONLY
	if
	:: a < wm[e] ->
		sb_poll[p] = 1;
		BARRIER(p);
		look(p, e)
	:: else
	fi;
#endif
	atomic { ready = a >= ENOUGH(e) || removed; a = 0 }
}

proctype holder(byte p; byte e) {
	byte mine, seen, a, i;
	bit moved, s, l, one, f;

	mine = pos[e];
	do
	:: mine == LIM(e) -> break
	:: else ->
		publish(p, e);
		if
		:: moved
		:: else ->
end_spin:		pos[OTHER(e)] != seen
		fi
	od
}

/*
 * A holder that is killed between any two bytes, or before a kick. System calls then move
 * the rest. Its stores have reached memory at the end of the claim.
 */
proctype dying(byte p; byte e) {
	byte mine, a, i;
	bit moved, one, f;

	do
	:: atomic {
		ROOM(e, mine, pos[OTHER(e)]) > 0 && mine < N ->
		mine++;
		sb_at[p] = mine
	   }
	   BARRIER(p)
	:: break
	od;
#ifndef M_NO_WAKE_ON_RELEASE
	wake_all(p);
#endif
	BARRIER(p);
	do
	:: AT(p, e) == N -> break
	:: else ->
		move(p, e, 1);
		if
		:: moved
		:: else ->
end_spin:		ROOM(e, pos[e], pos[OTHER(e)]) > 0
		fi
	od
}

proctype mover(byte p; byte e) {
	byte a, i;
	bit moved, one, f;

	do
	:: AT(p, e) >= LIM(e) -> break
	:: else ->
		move(p, e, BATCH);
		if
		:: moved
		:: else ->
end_spin:		ROOM(e, pos[e], pos[OTHER(e)]) >= BATCH ||
			pos[e] >= LIM(e)
		fi
	od
}

/* The generator, which passes no wake-up on. */
proctype intruder(byte p; byte e) {
	byte a, i;
	bit moved, one, f;

	if
	:: pos[e] < LIM(e) -> move(p, e, 1)
	:: true
	fi
}

inline wait(p, e, n) {
	waited = 1;
	again = 0;
	do
	:: enqueue(p, e);
#ifndef M_NO_B
		BARRIER(p);
#endif
#ifndef M_NO_SECOND_LOOK
		look(p, e);
		if
#ifdef M_NEVER_MET_NOT_ASKED
		:: a >= n || claimed[e] || !WAITS(e) -> a = 0; break
#else
		:: a >= n || claimed[e] || !WAITS(e) || NEVER(n) -> a = 0; break
#endif
		:: else -> a = 0
		fi;
#endif
#ifndef M_NO_PASS_ON_AGAIN
		if
		:: again -> pass_on(p, e)
		:: else
		fi;
#endif
		if
		:: sig[p] -> gone = 1; break
		:: else -> asleep[p] = 1
		fi;
end_asleep:	atomic { (up[p] || sig[p]) -> asleep[p] = 0 };
#ifdef M_NO_SECOND_LOOK
		break;
#endif
#ifdef SHRINKS /* a call that is woken looks under the side's lock */
		if
		:: NEVER(n) -> break
		:: else
		fi;
#endif
		again = 1
	od;
	leave(p, e);
	again = 0
}

#ifdef ENDS
#define NO_MORE(e, n) false /* a reader reads until it is told of the end */
#else
#define NO_MORE(e, n) (pos[e] + n > N)
#endif

/* A call that has never waited has used no wake-up. */
inline pass_on_used(p, e) {
	if
	:: waited -> pass_on(p, e)
	:: else
	fi
}

/* Calls for `n` bytes each, until a signal comes. */
proctype sleeper(byte p; byte e; byte n) {
	byte a, i;
	bit moved, again, gone, waits, waited, one, f;

	want[p] = n;
	do
	:: NO_MORE(e, n) || gone -> break
	:: else ->
		do
		:: if /* io_lock(), which a signal interrupts */
		   :: sig[p] || claimed[e] -> gone = 1; break
		   :: !claimed[e] -> waits = WAITS(e) && !NEVER(n); move(p, e, n)
		   fi;
#ifdef M_END_ASKED_LAST
		   waits = WAITS(e);
#endif
		   if
		   :: moved -> moved = 0; break
		   :: !moved && !waits -> gone = 1; break
		   :: else
		   fi;
		   if
		   :: NO_MORE(e, n) -> break
		   :: else
		   fi;
#ifndef M_WAITS_WITHOUT_PASSING_ON
		   pass_on_used(p, e);
#endif
		   wait(p, e, n);
		   if
		   :: gone -> break
		   :: else
		   fi
		od;
#ifdef M_SIGNAL_PASSES_NOT_ON
		if
		:: !gone -> pass_on_used(p, e)
		:: else
		fi;
#elif !defined(M_NO_PASS_ON)
		pass_on_used(p, e);
#endif
		waited = 0
#ifdef ONCE
		;
		break
#endif
	od
}

proctype signaller(byte p) {
	atomic { sig[p] = 1; up[p] = 1 }
}

/*
 * epoll. Level-triggered: on the ready list again at once. Edge-triggered: only after a
 * callback, so the program continues until no byte is left.
 */
proctype epoller(byte p; byte e; bit holds; bit edge) {
	byte mine, seen, a, i;
	bit moved, ready, s, l, one, f;

	reg[p] = 1; /* EPOLL_CTL_ADD */
	poll_file(p, e, 0);
	if
	:: ready -> rdy[p] = 1
	:: else
	fi;
	do
	:: AT(p, e) == N -> break
	:: else ->
		asleep[p] = 2;
end_asleep:	atomic { rdy[p] -> rdy[p] = 0; asleep[p] = 0 };
		poll_file(p, e, 1);
		if
		:: ready ->
			atomic {
				ready = 0;
				if
				:: !edge -> rdy[p] = 1
				:: else
				fi
			}
#ifdef STOPPED /* one of two programs, which stops */
			if
			:: p == 1 -> break
			:: true
			fi;
#endif
			do
			:: if
			   :: holds -> publish(p, e)
			   :: else -> move(p, e, 1)
			   fi;
			   if
			   :: !moved -> break
			   :: moved && !edge -> moved = 0; break
			   :: moved && edge -> moved = 0
			   fi
			od
		:: else
		fi
	od
}

/* Two processes, 1 and 2, that wait on one epoll file; 1 may be killed. */
proctype sharer(byte p; byte e; bit edge) {
	byte a, i;
	bit moved, ready, over, one, f;

	do
	:: AT(p, e) == N || over -> break
	:: else ->
		atomic { /* ep_poll(), under the lock of the epoll file */
			if
			:: rdy[1]
			:: else ->
				if
				:: epq -> epq2 = p
				:: else -> epq = p
				fi;
				epwk[p] = 0;
				asleep[p] = 2
			fi
		}
end_asleep:	atomic { !asleep[p] || epwk[p] -> asleep[p] = 0; epwk[p] = 0 };
		if
		:: p == 1 -> break
		:: true
		fi;
		atomic {
			ready = rdy[1];
			rdy[1] = 0
		}
		if
		:: ready ->
			poll_file(p, e, 1);
			over = ready && removed
		:: else
		fi;
		if
		:: ready ->
			atomic {
				ready = 0;
				if
				:: !edge ->
					CALLBACK(1)
				:: else
				fi
			}
			if
			:: p == 1 -> break
			:: true
			fi;
			do
			:: move(p, e, 1);
			   if
			   :: !moved -> break
			   :: moved && !edge -> moved = 0; break
			   :: moved && edge -> moved = 0
			   fi
			od
		:: else
		fi
	od;
#ifndef M_NO_FLUSH
	/* vfifo_ring_flush() */
	BARRIER(p);
#ifdef M_FLUSH_TESTS_WATERMARK
	look(p, e);
	if
	:: a >= wm[e] -> wake_pollers(p, e)
	:: else
	fi
#else
	wake_pollers(p, e)
#endif
#endif
}

/* The POLL bit and the queue, before the two processes start. */
inline share(e) {
	reg[1] = 1;
	end_of[1] = e;
	end_of[2] = e;
	credit[e] = 1;
	poll[e] = 1
}

/* The bit of a poller that has ended. */
inline armed(e) {
	credit[e] = 1;
	poll[e] = 1
}

/* io_uring polls again after a callback; its program takes all available bytes. */
proctype uring(byte p; byte e) {
	byte a, i;
	bit ready, one, f;

	reg[p] = 1;
	poll_file(p, e, 0);
	cqe[p] = ready;
	do
	:: atomic { rdy[p] -> rdy[p] = 0 };
#ifdef M_POLLERS_KEYED
		ready = 1;
#else
		poll_file(p, e, 1);
#endif
		cqe[p] = cqe[p] || ready
	:: pos[e] == N -> break
	od
}

proctype completer(byte p; byte e; byte ring) {
	byte a, i;
	bit moved, one, f;

	do
	:: AT(p, e) == N -> break
	:: else ->
		asleep[p] = 2;
end_asleep:	atomic { cqe[ring] -> cqe[ring] = 0; asleep[p] = 0 };
		do
		:: move(p, e, 1);
		   if
		   :: moved -> moved = 0
		   :: else -> break
		   fi
		od
	od
}

/* Sets O_ASYNC, checks for bytes once, then at each signal. */
proctype sigio(byte p; byte e) {
	byte a, i;
	bit moved, one, f;

	atomic { fasync[e] = 1; credit[e] = 200 }; /* a kick for each byte */
	sb_poll[p] = 1;
	BARRIER(p);
	do
	:: do
	   :: move(p, e, 1);
	      if
	      :: moved -> moved = 0
	      :: else -> break
	      fi
	   od;
	   if
	   :: AT(p, e) == N -> break
	   :: else -> asleep[p] = 2
	   fi;
end_asleep:
	   atomic { io[p] -> io[p] = 0; asleep[p] = 0 }
	od
}

/* Lowers the watermark from 2 to 1, while a poller waits for 2. */
proctype tuner(byte p; byte e) {
	byte a, i;
	bit one, f;

	sb_wm = 1;
#ifndef M_WATERMARK_NO_BARRIER
	!sb_wm;
#endif
#ifndef M_WATERMARK_NO_WAKE
	wake_pollers(p, e)
#endif
}

/* Claims the side of the sleepers, which then leave. */
proctype claimer(byte p; byte e) {
	byte a, i;
	bit one, f;

	sb_claim = 1;
#ifndef M_CLAIM_NO_BARRIER
	!sb_claim;
#endif
#ifndef M_NO_WAKE_ON_CLAIM
	wake_all(p)
#endif
}

/* The last writer: moves its bytes, and then the stream ends. */
proctype closer(byte p; byte e) {
	byte a, i;
	bit moved, one, f;

	do
	:: AT(p, e) >= LIM(e) -> break
	:: else ->
		move(p, e, 1);
		if
		:: moved
		:: else ->
end_spin:		ROOM(e, pos[e], pos[OTHER(e)]) >= 1
		fi
	od;
	sb_ended = 1;
#ifndef M_END_NO_BARRIER
	!sb_ended;
#endif
#ifndef M_NO_WAKE_AT_END
	wake_all(p)
#endif
}

proctype switcher(byte p) {
	byte a, i;
	bit one, f;

	sb_lossy = 1;
#ifndef M_OVERFLOW_NO_BARRIER
	!sb_lossy;
#endif
#ifndef M_NO_WAKE_ON_OVERFLOW
	wake_all(p)
#endif
}

/* Has less capacity from here on, under the locks of both sides, as soon as the stored bytes fit. */
proctype shrinker(byte p) {
	byte a, i;
	bit one, f;

end_idle:
	atomic {
		!lk[P] && !lk[C] && pos[P] - pos[C] <= SHRINKS ->
		lk[P] = 1;
		lk[C] = 1;
		sb_shrunk = 1
	}
#ifndef M_SHRINK_NO_BARRIER
	!sb_shrunk;
#endif
#ifndef M_NO_WAKE_ON_SHRINK
	wake_every_sleeper(P);
	wake_every_sleeper(C)
#endif
}

/* Drops the oldest byte if there is no space. The unlock of the consumer's side publishes that. */
proctype overwriter(byte p; byte e) {
	byte a, i;
	bit moved, one, f;

	do
	:: AT(p, e) == N -> break
	:: else ->
		atomic { !lk[e] -> lk[e] = 1 };
		if
		:: ROOM(e, pos[e], pos[OTHER(e)]) == 0 ->
#ifdef M_OVERWRITES_UNLOCKED
			a = pos[OTHER(e)];
#else
			atomic { !lk[OTHER(e)] -> lk[OTHER(e)] = 1; a = pos[OTHER(e)] };
#endif
			atomic {
				if
				:: ROOM(e, pos[e], a) == 0 -> pos[OTHER(e)] = a + 1
				:: else
				fi;
#ifndef M_OVERWRITES_UNLOCKED
				lk[OTHER(e)] = 0;
#endif
				a = 0
			}
		:: else
		fi;
		sb_at[p] = pos[e] + 1;
#ifndef M_NO_A_KERNEL
		BARRIER(p);
#endif
		side_wake(p, OTHER(e))
	od
}

proctype remover(byte p) {
	byte a, i;
	bit one, f;

	removed = 1;
	wake_all(p)
}

#define STORE(p) \
	:: d_step { \
		sb_at[p] -> \
		pos[end_of[p]] = sb_at[p]; \
		sb_at[p] = 0; \
		lk[end_of[p]] = 0 \
	   } \
	:: d_step { \
		sb_q[p] -> \
		show_need(end_of[p]); \
		sb_q[p] = 0; \
		qlk[end_of[p]] = 0 \
	   } \
	:: d_step { sb_poll[p] -> poll[end_of[p]] = 1; sb_poll[p] = 0 }

proctype hardware() {
end_idle:
	do
	STORE(0)
	STORE(1)
	STORE(2)
	STORE(3)
#ifdef TUNED
	:: d_step { sb_wm -> wm[TUNED] = 1; sb_wm = 0 }
#endif
#ifdef ENDS /* the number of the process that ends the stream: a store with release */
	:: d_step { sb_ended && !sb_at[ENDS] -> ended = 1; sb_ended = 0 }
#endif
#ifdef SWITCHED
	:: d_step { sb_lossy -> lossy = 1; sb_lossy = 0 }
#endif
#ifdef SHRINKS
	:: d_step { sb_shrunk -> shrunk = 1; sb_shrunk = 0; lk[P] = 0; lk[C] = 0 }
#endif
#ifdef CLAIMED
	:: d_step { sb_claim -> claimed[CLAIMED] = 1; sb_claim = 0 }
#endif
	od
}

#define JUDGE(p) \
	assert(!(asleep[p] && (claimed[end_of[p]] || removed))); \
	assert(!(asleep[p] == 1 && !WAITS(end_of[p]))); \
	assert(!(asleep[p] == 1 && NEVER(want[p]))); \
	assert(!(asleep[p] == 1 && \
		 ROOM(end_of[p], pos[end_of[p]], pos[OTHER(end_of[p])]) >= want[p])); \
	assert(!(asleep[p] == 2 && pos[end_of[p]] < N && \
		 ROOM(end_of[p], pos[end_of[p]], pos[OTHER(end_of[p])]) >= ENOUGH(end_of[p])))

/* Runs when no process can move. */
proctype judge() {
	timeout ->
	d_step {
		JUDGE(0);
		JUDGE(1);
		JUDGE(2);
		JUDGE(3);
#if !defined(CLAIMED) && !defined(REMOVED) && !defined(LEAVES)
		assert(pos[P] == N && pos[C] + LEFT >= N)
#endif
	}
}

#define START(p, e, what) end_of[p] = e; run what

init {
	atomic {
		wm[P] = WM_P;
		wm[C] = WM_C;
		pos[P] = FULL;
		RUN;
		run hardware();
		run judge()
	}
}
