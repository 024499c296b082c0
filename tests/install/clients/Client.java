// SPDX-License-Identifier: GPL-2.0-or-later

import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Client DEVICE: Java's FileChannel on a vfifo, which its tests have for themselves.
 * Client copy DEVICE: copies the stream to standard output, to its end.
 */
public class Client {
	static final int SIZE = 1 << 20;

	interface Action {
		void run() throws Exception;
	}

	static Thread start(Action action) {
		Thread thread = new Thread(() -> {
			try {
				action.run();
			} catch (Exception e) {
				e.printStackTrace();
				System.exit(1);
			}
		});
		thread.setDaemon(true);
		thread.start();
		return thread;
	}

	static byte[] pattern() {
		byte[] data = new byte[SIZE];
		int state = 1;
		for (int i = 0; i < SIZE; i++) {
			state = state * 1664525 + 1013904223;
			data[i] = (byte) (state >>> 24);
		}
		return data;
	}

	static void check(boolean right, String what) {
		if (!right)
			throw new AssertionError(what);
	}

	// A read that waits holds a lock of its channel, so a write needs a channel of its own.
	static void bothDirections(Path device) throws Exception {
		byte[] data = pattern();
		ByteBuffer got = ByteBuffer.allocateDirect(SIZE);
		try (FileChannel in = FileChannel.open(device, StandardOpenOption.READ);
			FileChannel out = FileChannel.open(device, StandardOpenOption.WRITE)) {
			Thread writer = start(() -> {
				ByteBuffer rest = ByteBuffer.wrap(data);
				while (rest.hasRemaining())
					out.write(rest);
			});
			while (got.hasRemaining())
				check(in.read(got) > 0, "a read that waits returned nothing");
			writer.join();
		}
		byte[] copy = new byte[SIZE];
		got.flip().get(copy);
		check(Arrays.equals(copy, data), "the bytes differ");
	}

	static void closeEndsARead(Path device) throws Exception {
		FileChannel in = FileChannel.open(device, StandardOpenOption.READ);
		start(() -> {
			Thread.sleep(300);
			in.close();
		});
		try {
			in.read(ByteBuffer.allocate(1));
			check(false, "a read ended without an exception");
		} catch (AsynchronousCloseException e) {
			check(!in.isOpen(), "the channel is open");
		}
	}

	static void interruptEndsARead(Path device) throws Exception {
		Thread reader = Thread.currentThread();
		start(() -> {
			Thread.sleep(300);
			reader.interrupt();
		});
		try (FileChannel in = FileChannel.open(device, StandardOpenOption.READ)) {
			in.read(ByteBuffer.allocate(1));
			check(false, "a read ended without an exception");
		} catch (ClosedByInterruptException e) {
			check(Thread.interrupted(), "the thread is not interrupted");
		}
	}

	// map() and transferTo() ask for the size of the file, which is 0.
	static void limits(Path device) throws Exception {
		try (FileChannel both = FileChannel.open(device, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
			check(both.size() == 0, "size");
			try {
				both.map(FileChannel.MapMode.READ_WRITE, 0, 4096);
				System.out.println("map: no exception");
			} catch (IOException e) {
				System.out.println("map: " + e.getMessage());
			}
		}
	}

	public static void main(String[] args) throws Exception {
		if (args.length == 2) {
			try (FileInputStream in = new FileInputStream(args[1])) {
				in.transferTo(System.out);
				System.out.flush();
			}
			return;
		}
		Path device = Path.of(args[0]);
		System.out.println(System.getProperty("java.vm.version"));
		start(() -> {
			Thread.sleep(100000);
			throw new AssertionError("it hangs");
		});
		bothDirections(device);
		System.out.println("both directions");
		closeEndsARead(device);
		System.out.println("close");
		interruptEndsARead(device);
		System.out.println("interrupt");
		limits(device);
	}
}
