use super::*;

#[test]
fn every_setting_is_read_and_an_unknown_one_is_refused() {
    let text = r#"
        state = "/var/lib/edgetl"
        [engine]
        provider = "tract"
        onnxruntime = "/opt/libonnxruntime.so"
        threads = 2
        [engine.cuda]
        device = 1
        memory_limit_mib = 2048
        [engine.tensorrt]
        fp16 = true
        workspace_mib = 512
        engine_cache = ""
        [collect]
        sources = ["/srv/photos"]
        max_megapixels = 20
        [fit]
        memory = "1.5G"
        after = 20
        every = "24h"
        [heads]
        keep = 3
        [serve]
        address = "0.0.0.0:8080"
        token_file = "/etc/edgetl/token"
        read_token_file = "/etc/edgetl/read-token"
        tls = "self-signed"
        mdns = false
        open = ["ready", "metrics"]
        access_log = true
        hosts = ["camera.lan", "192.168.1.7"]
        queue = 4
        max_body_megabytes = 8
        client_timeout = 10
        [review]
        most = 50
        days = 7
        megabytes = 20
        disk_reserve_megabytes = 1000
        [camera.gate]
        source = "rtsp://user:secret@10.0.0.7/live"
        rotate = 90
        region = [0.2, 0.1, 0.8, 0.9]
        fps = 2
        gate = "motion"
        area = 0.01
        every = 60
        mode = "visit"
        threshold = 0.7
        hysteresis = 0.05
        in_a_row = 2
        consensus = 0.5
        tries = 4
        hold = 1
        gone_after = 10
        on = "open"
        device_class = "garage_door"
        [camera.bin]
        source = "folder:/srv/in"
        [mqtt]
        broker = "mqtts://broker.lan"
        user = "edgetl"
        password_file = "/etc/edgetl/mqtt-password"
        ca_file = "/etc/edgetl/ca.pem"
        name = "porch"
        discovery = "homeassistant"
        commands = false
        [webhook.house]
        url = "https://hooks.example/edgetl"
        secret_file = "/etc/edgetl/webhook-key"
        ca_file = "/etc/edgetl/ca.pem"
        [program.siren]
        command = "/usr/local/bin/siren --loud"
        [log]
        file = "/var/lib/edgetl/events.jsonl"
        megabytes = 4
        [drift]
        false_alarms = 0.001
        every = 30
    "#;
    let config: Config = toml::from_str(text).unwrap();
    assert_eq!(config.engine.threads, Some(2));
    assert_eq!(config.engine.cuda(), CudaOptions { device: 1, memory_limit: Some(2 << 30) });
    let tensorrt = config.engine.tensorrt("engines".into());
    assert_eq!((tensorrt.fp16, tensorrt.workspace, &tensorrt.engine_cache), (true, Some(512 << 20), &None));
    let plain = EngineConfig::default().tensorrt("engines".into());
    assert_eq!((plain.timing_cache, plain.engine_cache), (true, Some("engines".into())));
    assert_eq!(config.collect.sources, [PathBuf::from("/srv/photos")]);
    assert_eq!(config.fit.memory, Some(1_500_000_000));
    assert!(toml::from_str::<Config>("fit.memory = \"much\"").is_err());
    assert_eq!((config.fit.after, config.fit.every), (20, Some(Duration::from_secs(24 * 60 * 60))));
    assert!(["fit.every = \"often\"", "fit.every = \"0s\""].iter().all(|text| toml::from_str::<Config>(text).is_err()));
    assert_eq!(config.heads.keep, 3);
    assert_eq!(config.serve.address, Some("0.0.0.0:8080".parse().unwrap()));
    assert_eq!((config.serve.queue, config.serve.max_body_megabytes), (Some(4), Some(8)));
    assert_eq!(config.serve.hosts, ["camera.lan", "192.168.1.7"]);
    assert_eq!(config.serve.open, [OpenPath::Ready, OpenPath::Metrics]);
    assert_eq!((&config.serve.tls, config.serve.mdns), (&Some(TlsConfig::SelfSigned), Some(false)));
    assert!(config.serve.access_log && config.serve.read_token_file.is_some());
    let review = ReviewSettings { most: 50, days: 7, megabytes: 20, disk_reserve_megabytes: 1000 };
    assert_eq!((config.review, Config::default().review), (review, ReviewSettings::default()));
    assert!(toml::from_str::<Config>("stat = 1").is_err());
    assert!(config.check_cameras().is_ok() && !config.tells_nobody());
    assert_eq!(config.camera["gate"].rules().tries, 4);
    assert_eq!(config.camera["bin"].rules(), crate::watch::Rules::default());
    assert!(!format!("{config:?}").contains("secret"));
    assert_eq!(config.drift, DriftSettings { false_alarms: 0.001, every: 30.0 });
    assert!(DriftSettings { false_alarms: 0.5, ..DriftSettings::default() }.check().is_err());
    assert!(DriftSettings { every: -1.0, ..DriftSettings::default() }.check().is_err());
}

#[test]
fn a_camera_that_cannot_be_is_named() {
    let check = |text: &str| toml::from_str::<Config>(text).map_err(anyhow::Error::from)?.check_cameras();
    for (text, said) in [
        ("[camera.\"a b\"]\nsource = \"push\"", "`a b`"),
        ("[camera.a]\nsource = \"push\"\nfps = 0", "cannot use the camera `a`"),
        ("[camera.a]\nsource = \"ftp://x\"", "expected a camera as"),
        ("[camera.a]\nsource = \"push\"\nrotate = 45", "0, 90, 180 or 270"),
        ("[camera.a]\nfps = 3", "source"),
        ("[camera.a]\nsource = \"push\"\non = \"open\"\ndevice_class = \"gate\"", "garage_door"),
    ] {
        let error = check(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn a_mistake_in_a_line_with_a_password_shows_where_it_is_and_not_the_line() {
    for (text, place) in [
        ("\n[camera.a]\nsource = \"rtp://admin:secret@cam\"", "line 3: "),
        ("[camera]\na = { source = \"rtsp://admin:secret@cam\", fpss = 2 }", "line 2: "),
        ("[camera.a]\nsource = \"rtsp://admin:secret@cam", "line 2: "),
    ] {
        let error = unreadable(&toml::from_str::<Config>(text).unwrap_err(), text).to_string();
        assert!(error.starts_with(place) && !error.contains("secret"), "{error}");
    }
}

#[test]
fn the_packaged_settings_change_nothing_and_every_line_of_them_is_understood() {
    let packaged = include_str!("../../../tools/deb/edgetl.toml");
    assert_eq!(toml::from_str::<toml::Table>(packaged).unwrap().len(), 0);
    let settings = packaged.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' '));
    let text: Vec<&str> = settings.collect();
    let config: Config = toml::from_str(&text.join("\n")).unwrap();
    assert_eq!(config.engine.tensorrt.workspace_mib, Some(1024));
    assert_eq!(config.serve.hosts, ["camera.lan"], "the last of the sections is read");
}
