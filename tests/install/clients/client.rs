// SPDX-License-Identifier: GPL-2.0-or-later

//! client DEVICE: Rust's File, tokio's AsyncFd and tokio's pipe on a vfifo, which its tests have for
//! themselves.
//! client copy DEVICE: copies the stream to standard output, to its end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::time::timeout;

const SIZE: usize = 1 << 20;

fn pattern() -> Vec<u8> {
    let mut state = 1u32;
    (0..SIZE)
        .map(|_| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 24) as u8
        })
        .collect()
}

fn file(device: &str) -> io::Result<()> {
    let mut reader = OpenOptions::new().read(true).write(true).open(device)?;
    let mut writer = reader.try_clone()?;
    let thread = std::thread::spawn(move || writer.write_all(&pattern()));
    let mut got = vec![0; SIZE];
    reader.read_exact(&mut got)?;
    thread.join().unwrap()?;
    assert!(got == pattern());
    Ok(())
}

fn open_nonblock(device: &str) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(device)
}

async fn write_all(fd: &AsyncFd<File>, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        let mut guard = fd.writable().await?;
        if let Ok(n) = guard.try_io(|fd| fd.get_ref().write(data)) {
            data = &data[n?..];
        }
    }
    Ok(())
}

async fn read_exact(fd: &AsyncFd<File>, got: &mut [u8]) -> io::Result<()> {
    let mut at = 0;
    while at < got.len() {
        let mut guard = fd.readable().await?;
        if let Ok(n) = guard.try_io(|fd| fd.get_ref().read(&mut got[at..])) {
            at += n?;
        }
    }
    Ok(())
}

async fn async_fd(device: &str) -> io::Result<()> {
    let fd = AsyncFd::new(open_nonblock(device)?)?;
    let limit = Duration::from_millis(200);
    assert!(timeout(limit, fd.readable()).await.is_err(), "the FIFO is empty");
    let (data, mut got) = (pattern(), vec![0; SIZE]);
    let (sent, received) = join(write_all(&fd, &data), read_exact(&fd, &mut got)).await;
    sent?;
    received?;
    assert!(got == data);
    Ok(())
}

// tokio's own types for FIFOs read the type of the file, unless they are told not to.
async fn unchecked_pipe(device: &str) -> io::Result<()> {
    assert!(pipe::OpenOptions::new().open_receiver(device).is_err());
    let mut receiver = pipe::OpenOptions::new().unchecked(true).open_receiver(device)?;
    let mut sender = pipe::OpenOptions::new().unchecked(true).open_sender(device)?;
    let (data, mut got) = (pattern(), vec![0; SIZE]);
    let (sent, received) = join(sender.write_all(&data), receiver.read_exact(&mut got)).await;
    sent?;
    received?;
    assert!(got == data);
    Ok(())
}

// What join! of tokio does, without its macros.
async fn join<A, B>(a: impl std::future::Future<Output = A>, b: impl std::future::Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    let (mut a_done, mut b_done) = (None, None);
    std::future::poll_fn(|cx| {
        use std::task::Poll;
        if a_done.is_none() {
            if let Poll::Ready(x) = a.as_mut().poll(cx) {
                a_done = Some(x);
            }
        }
        if b_done.is_none() {
            if let Poll::Ready(x) = b.as_mut().poll(cx) {
                b_done = Some(x);
            }
        }
        if a_done.is_some() && b_done.is_some() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    (a_done.unwrap(), b_done.unwrap())
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    if args.len() == 3 {
        io::copy(&mut File::open(&args[2])?, &mut io::stdout().lock())?;
        return Ok(());
    }
    let device = &args[1];
    println!("that of the packages in the file `versions`");
    file(device)?;
    println!("both directions");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        async_fd(device).await?;
        println!("AsyncFd");
        unchecked_pipe(device).await?;
        println!("unchecked pipe");
        Ok(())
    })
}
