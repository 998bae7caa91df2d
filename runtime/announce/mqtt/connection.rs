//! One connection to a broker: what is on its way, what was acknowledged, what was heard.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, Incoming, Outgoing, Publish, PublishOptions, QoS,
    SubscribeReasonCode,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::home_assistant;
use super::link::{Link, OFFLINE, ONLINE};
use super::standing::{HasIt, Rank, Unsent};
use crate::announce::Notice;

/// Messages on their way at once.
const WINDOW: usize = 32;
/// A broker that acknowledges nothing for so long, or says nothing at all, is frozen.
const PATIENCE: Duration = Duration::from_secs(15);
/// After a connection, messages of cameras that are gone are looked for as long.
const LOOKING: Duration = Duration::from_secs(5);

/// A message that was handed to the client.
enum Sent {
    Event(Arc<Notice>),
    /// Its length, and whom to tell that the broker has it.
    Picture(usize, Option<HasIt>),
    /// What is lost on the way is sent again at the next connection.
    Other,
}

/// How a connection ended.
pub(super) enum End {
    Asked,
    /// `was_of_use`: something was acknowledged in it.
    Lost {
        because: String,
        was_of_use: bool,
    },
}

/// One connection, from nothing to its end.
pub(super) struct Connection<'a> {
    link: &'a mut Link,
    client: AsyncClient,
    polled: mpsc::Receiver<Result<Event, ConnectionError>>,
    poller: JoinHandle<()>,
    connected: Option<Instant>,
    /// Whether something was acknowledged.
    was_of_use: bool,
    /// Of the pictures that were acknowledged.
    longest_taken: usize,
    is_looking: bool,
    /// Handed to the client, which gives them numbers in their order.
    handed: VecDeque<Sent>,
    on_the_way: HashMap<u16, (Sent, Instant)>,
    /// Messages of each number, so that what was not acknowledged goes back in its order.
    order: VecDeque<u16>,
    is_saying_goodbye: bool,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.poller.abort();
        let mut way = std::mem::take(&mut self.on_the_way);
        let on_the_way =
            std::mem::take(&mut self.order).into_iter().filter_map(|id| way.remove(&id)).map(|(sent, _)| sent);
        let notices = on_the_way.chain(std::mem::take(&mut self.handed)).filter_map(|sent| match sent {
            Sent::Event(notice) => Some(notice),
            Sent::Picture(..) | Sent::Other => None,
        });
        self.link.outbox.put_back(notices);
    }
}

impl<'a> Connection<'a> {
    pub fn open(link: &'a mut Link) -> Self {
        let (client, mut events) = AsyncClient::builder(link.options.client()).capacity(2 * WINDOW + 16).build();
        let (sender, polled) = mpsc::channel(WINDOW);
        let poller = tokio::spawn(async move {
            loop {
                let polled = events.poll().await;
                let is_last = polled.is_err();
                // What was acknowledged before the connection ended.
                let before = if is_last { std::mem::take(&mut events.state.events) } else { VecDeque::new() };
                for polled in before.into_iter().map(Ok).chain([polled]) {
                    if sender.send(polled).await.is_err() {
                        return;
                    }
                }
                if is_last {
                    return;
                }
            }
        });
        Self {
            link,
            client,
            polled,
            poller,
            connected: None,
            was_of_use: false,
            longest_taken: 0,
            is_looking: false,
            handed: VecDeque::new(),
            on_the_way: HashMap::new(),
            order: VecDeque::new(),
            is_saying_goodbye: false,
        }
    }

    pub async fn run(mut self) -> End {
        let opened = Instant::now();
        loop {
            let (wake, next_look) = (self.link.wake.clone(), self.next_look());
            tokio::select! {
                polled = self.polled.recv() => match polled {
                    Some(Ok(event)) => self.take(event),
                    Some(Err(_)) | None if self.is_saying_goodbye => return End::Asked,
                    Some(Err(error)) => return self.lost(reason(&error)),
                    None => return self.lost("the connection ended".to_owned()),
                },
                () = wake.notified() => {}
                () = tokio::time::sleep_until(next_look.into()) => {}
            }
            if !self.polled.is_empty() {
                continue;
            }
            if self.connected.is_none() && opened.elapsed() > PATIENCE {
                return self.lost("it does not answer".to_owned());
            }
            if self.is_frozen() {
                return self.lost(format!("it acknowledges nothing for {} s", PATIENCE.as_secs()));
            }
            if self.connected.is_some() {
                self.fill();
            }
            if let Some(by) = self.link.outbox.close_by()
                && !self.is_saying_goodbye
            {
                if by <= Instant::now() {
                    return End::Asked;
                }
                if self.connected.is_some() && self.is_idle() {
                    self.say_goodbye();
                }
            }
        }
    }

    fn lost(&mut self, because: String) -> End {
        let lengths = self.on_the_way.values().filter_map(|(sent, _)| match sent {
            Sent::Picture(length, _) => Some(*length),
            Sent::Event(_) | Sent::Other => None,
        });
        // Of several on their way the longest is the likeliest reason; where one as long was taken, it is another.
        if let Some(length) = lengths.max().filter(|length| *length > self.longest_taken) {
            self.link.refusal.note(length, self.link.outbox.name());
        }
        End::Lost { because, was_of_use: self.was_of_use }
    }

    fn next_look(&self) -> Instant {
        let soon = Instant::now() + Duration::from_secs(1);
        self.link.outbox.close_by().map_or(soon, |by| by.min(soon))
    }

    fn is_idle(&self) -> bool {
        let nothing_waits = self.link.outbox.counts().waiting == 0 && !self.link.standing.has_unsent();
        self.handed.is_empty() && self.on_the_way.is_empty() && nothing_waits
    }

    fn is_frozen(&self) -> bool {
        self.order.front().and_then(|id| self.on_the_way.get(id)).is_some_and(|(_, since)| since.elapsed() > PATIENCE)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Incoming(Incoming::ConnAck(_)) => self.is_connected(),
            Event::Incoming(Incoming::PubAck(acknowledged)) => self.is_acknowledged(acknowledged.pkid),
            Event::Incoming(Incoming::SubAck(answer))
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) =>
            {
                tracing::warn!("{} does not let this device hear commands or Home Assistant", self.link.outbox.name());
            }
            Event::Incoming(Incoming::Publish(message)) => self.hear(&message),
            Event::Outgoing(Outgoing::Publish(id)) => {
                if let Some(sent) = self.handed.pop_front() {
                    self.on_the_way.insert(id, (sent, Instant::now()));
                    self.order.push_back(id);
                }
            }
            _ => {}
        }
    }

    fn is_connected(&mut self) {
        self.connected = Some(Instant::now());
        self.link.standing.forget_what_was_sent();
        self.link.outbox.is_well();
        tracing::info!("connected to {}", self.link.outbox.name());
        let mut filters: Vec<String> = self.link.topics.birth().into_iter().collect();
        if self.link.commands.is_some() {
            filters.extend(self.link.topics.commands());
        }
        filters.extend(self.link.topics.all_discovery());
        self.is_looking = true;
        for filter in filters {
            // It has room: nothing else was handed to it yet.
            let _ = self.client.try_subscribe(filter, QoS::AtLeastOnce);
        }
    }

    fn is_acknowledged(&mut self, id: u16) {
        self.was_of_use = true;
        self.order.retain(|other| *other != id);
        match self.on_the_way.remove(&id) {
            Some((Sent::Event(_), _)) => self.link.outbox.is_told(),
            Some((Sent::Picture(length, has_it), _)) => {
                self.longest_taken = self.longest_taken.max(length);
                has_it.iter().for_each(|has_it| has_it());
            }
            _ => {}
        }
    }

    fn hear(&mut self, message: &Publish) {
        let topic = String::from_utf8_lossy(&message.topic).into_owned();
        let topics = &self.link.topics;
        if topics.birth().as_deref() == Some(&topic) {
            if &message.payload[..] == ONLINE.as_bytes() && !message.retain {
                self.link.standing.forget_what_was_sent();
            }
        } else if let Some(camera) = self.described(&topic) {
            if !message.payload.is_empty() && !self.link.cameras.contains(&camera) && !self.link.gone.contains(&topic) {
                tracing::info!("Home Assistant is told that the camera {camera} is gone");
                self.link.gone.extend(self.link.topics.retained(&camera));
                self.link.gone.push(topic);
            }
        } else if message.retain {
            // Somebody's mistake, which would be obeyed at each connection.
        } else if let (Some(command), Some(commands)) = (topics.command(&topic, &message.payload), &self.link.commands)
            && commands.try_send(command).is_err()
        {
            tracing::warn!("a command over MQTT is passed over: too many wait");
        }
    }

    /// The camera of this device that Home Assistant is told of at `topic`.
    fn described(&self, topic: &str) -> Option<String> {
        let any = self.link.topics.discovery("+")?;
        let (before, behind) = any.split_once('+')?;
        let id = topic.strip_prefix(before)?.strip_suffix(behind)?;
        id.strip_prefix(&home_assistant::id(&self.link.key, "")).map(str::to_owned)
    }

    /// Hands the client as much as may be on the way.
    fn fill(&mut self) {
        if self.is_looking && self.connected.is_some_and(|since| since.elapsed() > LOOKING) {
            self.is_looking = false;
            if let Some(filter) = self.link.topics.all_discovery() {
                let _ = self.client.try_unsubscribe(filter);
            }
        }
        while self.handed.len() + self.on_the_way.len() < WINDOW && !self.is_saying_goodbye {
            let retained = PublishOptions::at_least_once().retained();
            if let Some(topic) = self.link.gone.pop() {
                self.hand(topic, Vec::new(), retained, Sent::Other);
            } else if let Some(unsent) = self.link.standing.next(Rank::Device) {
                self.hand(unsent.topic, unsent.payload, retained, Sent::Other);
            } else if let Some(notice) = self.link.outbox.pick() {
                let topic = self.link.topics.event(notice.camera.as_deref());
                let payload = notice.json.clone().into_bytes();
                self.hand(topic, payload, PublishOptions::at_least_once(), Sent::Event(notice));
            } else if let Some(Unsent { topic, payload, has_it }) = self.link.standing.next(Rank::Picture) {
                let length = payload.len();
                if !self.link.refusal.covers(length) {
                    self.hand(topic, payload, retained, Sent::Picture(length, has_it));
                }
            } else {
                return;
            }
        }
    }

    fn hand(&mut self, topic: String, payload: Vec<u8>, options: PublishOptions, sent: Sent) {
        // It takes more than may be on the way.
        match self.client.try_publish(topic, payload, options) {
            Ok(()) => self.handed.push_back(sent),
            Err(error) => {
                if let Sent::Event(_) = sent {
                    self.link.outbox.is_lost(&error.to_string());
                }
            }
        }
    }

    /// A broker that is left properly does not speak the last will.
    fn say_goodbye(&mut self) {
        let retained = PublishOptions::at_least_once().retained();
        self.is_saying_goodbye = true;
        for camera in self.link.cameras.clone() {
            self.hand(self.link.topics.of(&camera, "available"), OFFLINE.into(), retained, Sent::Other);
        }
        self.hand(self.link.topics.available(), OFFLINE.into(), retained, Sent::Other);
        let _ = self.client.try_disconnect();
    }
}

fn reason(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "it refuses user and password".to_owned(),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => "it does not answer".to_owned(),
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::MqttState(_) => "it closed the connection".to_owned(),
        other => other.to_string(),
    }
}
