//! The kernel's driver of a camera, through the crate `moq-v4l`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use moq_v4l::buffer::{Flags, Type};
use moq_v4l::device::Handle;
use moq_v4l::format::{Colorspace, Quantization};
use moq_v4l::fraction::Fraction;
use moq_v4l::frameinterval::FrameIntervalEnum;
use moq_v4l::framesize::FrameSizeEnum;
use moq_v4l::io::mmap::Stream;
use moq_v4l::io::traits::{CaptureStream, Stream as _};
use moq_v4l::video::Capture;
use moq_v4l::video::capture::Parameters;
use moq_v4l::{Device, Format, FourCC};

use super::choice::{Interval, Intervals, Mode, Sizes};
use super::yuyv::{Coding, Matrix};
use super::{Driver, FourCc, Given, Layout};
use crate::preprocess::Dimensions;

/// One that is filled, one that waits, one that is read, and one to spare.
const BUFFERS: usize = 4;

pub(super) struct Kernel {
    /// Before the device, so that it ends first.
    stream: Option<Stream<'static>>,
    device: Device,
    handle: Arc<Handle>,
}

impl Kernel {
    /// # Errors
    /// When the device is not there, or may not be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let device = Device::with_path(path)?;
        Ok(Self { stream: None, handle: device.handle(), device })
    }

    fn stream(&mut self) -> io::Result<Stream<'static>> {
        let mut stream = Stream::with_buffers(&self.device, Type::VideoCapture, BUFFERS as u32)?;
        // It is asked only once a buffer is filled.
        stream.set_timeout(Duration::ZERO);
        // The first is handed over by the first call of `next`. A driver may have fewer than it was asked for.
        for index in 1..BUFFERS {
            match CaptureStream::queue(&mut stream, index) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && index > 1 => break,
                other => other?,
            }
        }
        stream.start()?;
        Ok(stream)
    }
}

impl Driver for Kernel {
    fn formats(&self) -> io::Result<Vec<FourCc>> {
        Ok(self.device.enum_formats()?.into_iter().map(|format| format.fourcc.repr).collect())
    }

    fn sizes(&self, format: FourCc) -> Vec<Sizes> {
        let sizes = self.device.enum_framesizes(FourCC::new(&format)).unwrap_or_default();
        sizes.into_iter().map(|size| size.size.into()).collect()
    }

    fn intervals(&self, format: FourCc, size: Dimensions) -> Vec<Intervals> {
        let intervals = self.device.enum_frameintervals(FourCC::new(&format), size.width, size.height);
        intervals.unwrap_or_default().into_iter().map(|interval| interval.interval.into()).collect()
    }

    fn start(&mut self, mode: &Mode) -> io::Result<Given> {
        let asked = Format::new(mode.size.width, mode.size.height, FourCC::new(&mode.format));
        let given = self.device.set_format(&asked)?;
        if let Some(Interval { numerator, denominator }) = mode.interval
            && let Err(error) = self.device.set_params(&Parameters::new(Fraction { numerator, denominator }))
        {
            tracing::debug!("a camera keeps its rate: {error}");
        }
        self.stream = Some(self.stream()?);
        Ok(Given { format: given.fourcc.repr, layout: layout(&given) })
    }

    fn wait(&self, patience: Duration) -> io::Result<bool> {
        let milliseconds = patience.as_micros().div_ceil(1000).try_into().unwrap_or(i32::MAX);
        match self.handle.poll(rustix::event::PollFlags::IN.bits() as i16, milliseconds) {
            Ok(ready) => Ok(ready > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let (bytes, buffer) = CaptureStream::next(stream)?;
        if !buffer.flags.contains(Flags::ERROR) {
            into.extend_from_slice(&bytes[..bytes.len().min(buffer.bytesused as usize)]);
        }
        Ok(())
    }
}

fn layout(format: &Format) -> Layout {
    let is_default = matches!(format.quantization, Quantization::Default);
    let full_range = matches!(format.quantization, Quantization::FullRange)
        || is_default && matches!(format.colorspace, Colorspace::JPEG);
    // What follows from the colour space; the field that may say otherwise does not come through the crate.
    let is_bt709 = matches!(format.colorspace, Colorspace::Rec709 | Colorspace::DCIP3);
    Layout {
        size: Dimensions { width: format.width, height: format.height },
        stride: format.stride,
        coding: Coding { matrix: if is_bt709 { Matrix::Bt709 } else { Matrix::Bt601 }, full_range },
    }
}

impl From<FrameSizeEnum> for Sizes {
    fn from(size: FrameSizeEnum) -> Self {
        let of = |width, height| Dimensions { width, height };
        match size {
            FrameSizeEnum::Discrete(size) => {
                let size = of(size.width, size.height);
                Self { least: size, most: size, step: of(0, 0) }
            }
            FrameSizeEnum::Stepwise(sizes) => Self {
                least: of(sizes.min_width, sizes.min_height),
                most: of(sizes.max_width, sizes.max_height),
                step: of(sizes.step_width, sizes.step_height),
            },
        }
    }
}

impl From<FrameIntervalEnum> for Intervals {
    fn from(interval: FrameIntervalEnum) -> Self {
        let of = |Fraction { numerator, denominator }| Interval { numerator, denominator };
        match interval {
            FrameIntervalEnum::Discrete(interval) => Self { least: of(interval), most: of(interval) },
            FrameIntervalEnum::Stepwise(intervals) => Self { least: of(intervals.min), most: of(intervals.max) },
        }
    }
}
