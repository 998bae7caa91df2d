//! `predict -`: frames on standard input, each answered before the next is read.

use std::io;

use super::{Args, Line};
use crate::camera::{FrameError, JpegStream};
use crate::causes::causes;
use crate::cli::context::Context;
use crate::cli::failure::{AlreadyReported, failure};
use crate::cli::remedy::OrRemedy as _;

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let device = context.device_on(&args.engine);
    let asked = args.asked();
    let mut predictor = device.predictor_of(asked.version).or_remedy()?;
    let limit = usize::try_from(device.settings().limits.max_bytes).unwrap_or(usize::MAX);
    let mut stream = JpegStream::new(io::stdin().lock(), limit);
    let (mut number, mut all_well) = (0, true);
    loop {
        let frame = match stream.frame() {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => break,
            Err(error @ FrameError::Read(_)) => return Err(error.into()),
            Err(error) => Err(causes(&error)),
        };
        number += 1;
        let name = format!("frame {number}");
        let answered =
            frame.and_then(|frame| predictor.answer_to(&name, &frame, &asked).map_err(|error| causes(&error)));
        let line = match answered {
            Ok(answer) => Line::Answer(Box::new(answer)),
            Err(error) => Line::Error { path: name, error },
        };
        all_well &= matches!(line, Line::Answer(_));
        line.print(context)?;
    }
    if number == 0 {
        let way = "as in: ffmpeg -i CAMERA -vf fps=2 -f mjpeg - | edgetl predict -";
        return Err(failure("expected JPEG files on standard input, got none", way));
    }
    if all_well { Ok(()) } else { Err(AlreadyReported.into()) }
}
